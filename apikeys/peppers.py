"""The peppers under which keys are hashed: which one new keys get, and which ones keys still need.

`API_KEY_PEPPERS` has them newest first, and a key is found under any of them. While they are being changed, hosts that
know the newest run beside hosts that don't. So it is used only once `API_KEY_PEPPER_MOVE` says that all hosts know it;
until then new keys get the oldest, which all of them know. docs/keys.md tells the steps.
"""

import hmac
from functools import lru_cache

from django.conf import settings


def in_use() -> str:
    """Return the pepper for new keys."""
    peppers: list[str] = settings.API_KEY_PEPPERS
    return peppers[0] if settings.API_KEY_PEPPER_MOVE else peppers[-1]


@lru_cache(maxsize=16)
def fingerprint(pepper: str) -> str:
    """Return 16 hexadecimal digits that tell `pepper` from others, and nothing about it."""
    return hmac.digest(pepper.encode(), b"fingerprint of a pepper", "sha256").hex()[:16]


def is_settled(stored: str | None) -> bool:
    """Whether nothing is to be written of a key that is used, under the pepper with the fingerprint `stored`."""
    return stored == fingerprint(in_use()) if settings.API_KEY_PEPPER_MOVE else stored is not None
