"""Sign-in codes that were mailed and are waited for: a session keeps a keyed hash in place of the code.

allauth puts the code itself into the session, whose row whoever reads the database, or a copy of it, can read. Eight
letters are guessed in no time from a plain hash, so the key is `SECRET_KEY`, which is in no database.
"""

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.stages import LoginByCodeStage
from allauth.core.internal.cryptokit import normalize_user_code
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "members.pending_codes"


def hide_code(session: SessionBase) -> None:
    """Put the hash of the code in its place in the session, if a code is waited for that isn't hidden yet."""
    login = session.get(LOGIN_SESSION_KEY) or {}
    data = login.get("state", {}).get("stages", {}).get(LoginByCodeStage.key, {}).get("data", {})
    code = data.get("code")
    if code and not code.startswith(SALT):
        data["code"] = hidden(code, settings.SECRET_KEY)
        session.modified = True


def is_code(typed: str, kept: str | None) -> bool:
    """Whether this is the code whose hash the session has kept. The release before keeps the code itself."""
    if not kept:
        return False
    if not kept.startswith(SALT):
        return constant_time_compare(normalize_user_code(typed), normalize_user_code(kept))
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(hidden(typed, secret), kept) for secret in secrets)


def hidden(code: str, secret: str) -> str:
    """Return what a session keeps of a code, in which neither case nor spaces and hyphens matter."""
    digest = salted_hmac(SALT, normalize_user_code(code), secret=secret, algorithm="sha256").hexdigest()
    return f"{SALT}:{digest}"
