"""An authenticator app, and what tests do with it."""

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from members.models import User

PERIOD = 30


def app_code(secret: str, later: int = 0) -> str:
    """Return what an app with `secret` shows now, or `later` half minutes from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + later)))


def wrong_code(secret: str) -> str:
    """Return six digits that no app with `secret` shows about now."""
    shown = {app_code(secret, later) for later in range(-3, 4)}
    return next(
        code
        for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
        if code not in shown
    )


def recovery_codes(user: User) -> list[str]:
    """Return the recovery codes of `user` that are unused."""
    codes: list[str] = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()
    return codes
