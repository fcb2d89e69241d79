"""The text of a key, and what is stored of it.

`torii_scim_ab12cd34_<43 characters><6 characters>`: a prefix that says what the key opens, an id that may be shown, 32
random bytes in base 62, and a CRC32 of all before it in base 62, so that a typing error or a scanner's false find is
told apart without a look at the database. What is stored is an HMAC-SHA-256 of the text under a pepper: the secret has
256 bits of its own, so a slow password hash would only cost time.
"""

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from django.views.decorators.debug import sensitive_variables

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAIRS = [high + low for high in BASE62 for low in BASE62]
ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 8
SECRET_BYTES = 32
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6

PATTERN = re.compile(r"torii_(scim|api)_([0-9a-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


def base62(number: int, length: int) -> str:
    """Return `number` in base 62, most significant digit first, padded to `length` characters."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


@sensitive_variables()
def checksum(text: str) -> str:
    """Return the CRC32 of `text` as six base 62 characters: those of `base62`, two at a time."""
    high, low = divmod(zlib.crc32(text.encode()), 62**2)
    return PAIRS[high // 62**2] + PAIRS[high % 62**2] + PAIRS[low]


@lru_cache(maxsize=16)
def keyed(pepper: str) -> hmac.HMAC:
    """Return an HMAC-SHA-256 under `pepper`, of nothing so far: copy it, which takes less than to make one."""
    return hmac.new(pepper.encode(), digestmod="sha256")


class Unprinted(str):
    """A text that a page shows and no `repr` does: a template hands it from frame to frame, which reports print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True, slots=True, repr=False)
class KeyText:
    """A key as its holder sees it. It has no readable `repr`, so that it lands in no log or traceback."""

    text: str
    kind: str
    key_id: str

    @classmethod
    @sensitive_variables()
    def generate(cls, kind: str) -> Self:
        """Make a new key of `kind` ("scim" or "api")."""
        key_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        secret = base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
        body = f"torii_{kind}_{key_id}_{secret}"
        return cls(body + checksum(body), kind, key_id)

    @classmethod
    @sensitive_variables()
    def parse(cls, text: str) -> Self | None:
        """Return the key that `text` spells, or None if it is malformed or its checksum is wrong."""
        match = PATTERN.fullmatch(text)
        if match is None or checksum(text[:-CHECKSUM_LENGTH]) != match[4]:
            return None
        return cls(text, match[1], match[2])

    @property
    def last_four(self) -> str:
        """The last four characters, by which a person tells keys apart."""
        return self.text[-4:]

    def digest(self, pepper: str) -> str:
        """Return the HMAC-SHA-256 of the text under `pepper`, in hexadecimal (64 characters)."""
        digest = keyed(pepper).copy()
        digest.update(self.text.encode())
        return digest.hexdigest()

    def digests(self, peppers: list[str]) -> list[str]:
        """Return the digest under each of `peppers`, in their order."""
        return [self.digest(pepper) for pepper in peppers]
