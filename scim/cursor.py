"""The cursors of RFC 9865: where in a list a page ends, so that the next one starts right behind it.

A cursor names a resource by its sort key and id, not by a number: whatever is created or removed meanwhile, nobody else
is skipped or met twice, and the last page costs what the first does. It is signed, and good only for the organization,
the resource type, the filter and the order that it was made for.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from scim2_models import InvalidCursorException

# Another salt for another content: the release before, which may still run beside this one, refuses such a cursor in so
# many words. Its own, which lack the total, are still read.
SALT = "scim.cursor.2"
FORMER_SALT = "scim.cursor"
SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place behind (or, `backward`, before) the resource with this sort key and id.

    `total` is how many resources there were when the first page was read: RFC 9865 §2 lets only a server that can't
    tell the total leave it out, and counting anew for each page would cost more than the page. It is None in a cursor
    of the release before.
    """

    key: Any
    id: UUID
    backward: bool
    total: int | None

    def text(self, scope: str) -> str:
        """Return the cursor for the list that `scope` describes, in unreserved characters (RFC 9865 §2)."""
        payload = orjson.dumps([self.key, self.id, self.backward, self.total])
        signed = signature(payload, scope, SALT, settings.SECRET_KEY)
        return urlsafe_b64encode(signed + payload).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, scope: str) -> "Cursor":
        """Return the cursor in `text`. Raises InvalidCursorException for one that was made for another list."""
        try:
            signed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (Base64Error, ValueError):
            raise invalid() from None
        sent, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not any(
            constant_time_compare(sent.hex(), signature(payload, scope, salt, key).hex())
            for key in secret_keys()
            for salt in (SALT, FORMER_SALT)
        ):
            raise invalid()
        key, identifier, backward, *total = orjson.loads(payload)
        return cls(key, UUID(identifier), backward, total[0] if total else None)


def secret_keys() -> list[str]:
    """Return the keys under which a cursor may be signed: a sync goes on while `SECRET_KEY` is being changed."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def signature(payload: bytes, scope: str, salt: str, secret_key: str) -> bytes:
    """Return the signature of `payload` in `scope` under a key."""
    signed = salted_hmac(salt, scope.encode() + b"\0" + payload, secret=secret_key, algorithm="sha256")
    return signed.digest()[:SIGNATURE_BYTES]


def scope_of(*parts: Any) -> str:
    """Return a short text for the list that `parts` describe."""
    return sha256(orjson.dumps([str(part) for part in parts])).hexdigest()


def invalid() -> InvalidCursorException:
    """Return the error for a cursor that isn't one of this list's."""
    return InvalidCursorException(
        detail="The cursor belongs to no list with this filter and order: start again with an empty cursor."
    )
