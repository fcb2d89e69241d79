"""Who sends a request, as far as that is known before it has a place: what room it gets depends on it.

A place is needed to ask the database whose key or session it is. So what came with a request that was let in is
remembered: the next one with the same key or session, from the same address, counts for that organization. All others
are strangers, and together count as one organization: bad keys and visitors get no more room than anybody. Somebody who
uses a stolen key from a forbidden network is a stranger too, and takes no room from the rightful caller.
"""

import re
from threading import Lock
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest

from torii_settings.middleware import MACHINE_PATHS

SESSION = re.compile(rf"(?:^|;\s*){re.escape(settings.SESSION_COOKIE_NAME)}=([^;]+)")
REMEMBERED = 10_000


class Caller(NamedTuple):
    """A key or session, and the public id of its organization. A stranger has none; its `name` is an unproven one.

    `key_id` is that of a key, to be logged.
    """

    name: str | int | None = None
    organization: str | None = None
    key_id: str | None = None


NOBODY = Caller()


class Callers:
    """The callers that this process knows, by what their requests bring along."""

    def __init__(self) -> None:
        # By a hash with this process's own seed: no secret stays in memory for it.
        self._known: dict[int, Caller] = {}
        self._lock = Lock()

    def of(self, environ: dict[str, Any]) -> Caller:
        """Return who sends a request."""
        credential = credential_of(environ)
        return self._known.get(credential) or Caller(credential) if credential else NOBODY

    def learn(self, environ: dict[str, Any], request: HttpRequest | None) -> None:
        """Remember whose request that was, if it was let in: a door has named its organization."""
        organization = getattr(request, "organization", None)
        credential = credential_of(environ)
        if organization is None or not credential:
            return
        api_key = getattr(request, "known_key", None)
        key_id = api_key.key_id if api_key else None
        with self._lock:
            if len(self._known) >= REMEMBERED:
                # The oldest; whoever it was is a stranger for one request.
                del self._known[next(iter(self._known))]
            self._known[credential] = Caller(key_id or credential, organization.public_id, key_id)


def credential_of(environ: dict[str, Any]) -> int:
    """Return what stands for the key or session that came with a request and the address it came from; 0 for none."""
    if environ.get("PATH_INFO", "").startswith(MACHINE_PATHS):
        text = environ.get("HTTP_AUTHORIZATION", "")
    else:
        found = SESSION.search(environ.get("HTTP_COOKIE", ""))
        text = found[1] if found else ""
    return hash((text, environ.get("REMOTE_ADDR"))) if text else 0
