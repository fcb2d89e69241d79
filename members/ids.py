"""Identifiers: time-ordered UUIDs for what identity providers and logs name, short ones for what people type.

A UUIDv7 (RFC 9562 §5.7) sorts by the time it was made, so that a primary key alone gives the order of creation and new
rows land at one end of the index.
"""

import secrets
import time
import uuid

ORGANIZATION_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
ORGANIZATION_ID_LENGTH = 12
# A regular expression for an Organization ID. There is one spelling: upper case is another text.
ORGANIZATION_ID = f"[{ORGANIZATION_ID_ALPHABET}]{{{ORGANIZATION_ID_LENGTH}}}"


def uuid7() -> uuid.UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, 12 of their fraction (RFC 9562 §6.2, method 3), 62 random bits.

    The fraction keeps what one process makes within a millisecond in its order.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | secrets.randbits(62))


def organization_id() -> str:
    """Return a new Organization ID: 12 lower-case characters that can't be misread (59 bits)."""
    return "".join(secrets.choice(ORGANIZATION_ID_ALPHABET) for _ in range(ORGANIZATION_ID_LENGTH))
