"""Small programs that the kernel runs on each packet: classic BPF, which needs no privilege (linux/filter.h, Linux)."""

import ctypes
import socket
import struct
from collections.abc import Sequence

# Options that Python doesn't name. The first program says how much of a packet a socket gets, the second which socket
# of a group (SO_REUSEPORT) gets a new connection.
SO_ATTACH_FILTER = 26
SO_ATTACH_REUSEPORT_CBPF = 51

# The operations that we use.
LOAD_BYTE, LOAD_HALF = 0x30, 0x28
JUMP, JUMP_IF_EQUAL, JUMP_IF_GREATER_OR_EQUAL, JUMP_IF_SET = 0x05, 0x15, 0x35, 0x45
SHIFT_RIGHT, MODULO = 0x74, 0x94
RETURN = 0x06
# Offsets from here on count from the IP header; others from where the socket's own data begins.
IP_HEADER = 0xFFF00000


# The operation, how many instructions to skip if a condition holds and if it doesn't, and the operand.
Instruction = tuple[int, int, int, int]

DROP_ALL: tuple[Instruction, ...] = ((RETURN, 0, 0, 0),)


def attach(to: socket.socket, option: int, program: Sequence[Instruction]) -> None:
    """Have the kernel run a program, in place of an earlier one. Raises OSError where the kernel refuses it."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    to.setsockopt(socket.SOL_SOCKET, option, struct.pack("@HP", len(program), ctypes.addressof(buffer)))
