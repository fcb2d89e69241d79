"""Identifiers: time-ordered UUIDs for what identity providers and logs name, short ones for what people type.

A UUIDv7 (RFC 9562 §5.7) sorts by the time it was made, so that a primary key alone gives the order of creation and new
rows land at one end of the index.
"""

import secrets
import time
import uuid

ORGANIZATION_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
ORGANIZATION_ID_LENGTH = 12


def uuid7() -> uuid.UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def organization_id() -> str:
    """Return a new Organization ID: 12 lower-case characters that can't be misread (59 bits)."""
    return "".join(secrets.choice(ORGANIZATION_ID_ALPHABET) for _ in range(ORGANIZATION_ID_LENGTH))
