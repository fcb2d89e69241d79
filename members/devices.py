"""Devices that somebody has signed in on before, remembered by a signed cookie in the browser.

The cookie holds a random id and, for each account, a keyed hash: it tells nobody which accounts those are, and the
server keeps nothing. What it proves is small: whoever brings it isn't counted among the strangers that try an account
(`members.sign_in_limits`), and causes no mail about a new device.
"""

from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from members.folding import account_key

COOKIE = "device"
SALT = "members.devices"
LIFETIME_SECONDS = 365 * 24 * 3600
# Of more accounts, the cookie forgets the first.
ACCOUNTS = 10


@dataclass(frozen=True, slots=True)
class Device:
    """A browser: its random id, and hashes of the accounts that have signed in on it, the latest last."""

    id: str
    accounts: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the device that `request` comes from, a new one unless its cookie is ours."""
        try:
            device_id, *accounts = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFETIME_SECONDS)
        except (signing.BadSignature, ValueError):
            return cls(get_random_string(22))
        return cls(device_id, tuple(accounts))

    def knows(self, address: str) -> bool:
        """Whether the account of an e-mail address has signed in here before."""
        return account_hash(address) in self.accounts

    def remember(self, address: str, response: HttpResponseBase) -> None:
        """Have the browser keep that the account of an e-mail address has signed in here."""
        known = account_hash(address)
        accounts = [*(account for account in self.accounts if account != known), known][-ACCOUNTS:]
        response.set_cookie(
            COOKIE,
            signing.dumps([self.id, *accounts], salt=SALT),
            max_age=LIFETIME_SECONDS,
            path="/accounts/",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def account_hash(address: str) -> str:
    """Return what a cookie holds of an account."""
    return salted_hmac(SALT, account_key(address), algorithm="sha256").hexdigest()[:32]
