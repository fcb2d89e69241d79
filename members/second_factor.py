"""The second factor: codes of an app that change every half minute, and recovery codes for when the phone is lost.

allauth.mfa stores both, asks for a code at sign-in from anybody who has set an app up, and draws the pages. Who must
have a second factor is decided by whoever asks `is_proven`: `members.staff_sessions` for the vendor's staff.

A session holds which app has proven it. So a session that was proven by an app that is gone (removed, or reset after
the phone was lost) isn't proven any more.
"""

import logging
import time
from base64 import b32encode, urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    compare_user_code,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from audit.actor import Actor
from audit.models import Action
from members.account_events import record_by_actor, record_of_account
from members.account_mail import RECOVERY_CODE, SECOND_FACTOR, tell_second_factor
from members.models.user import User

TOTP, RECOVERY_CODES = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES
# In a session: which app has proven it, and when last.
PROVEN_BY = "second_factor"
PROVEN_AT = "second_factor_at"
# In what allauth stores of an app: the number of the half minute whose code was used last.
LAST_USED = "last_used_counter"
SALT = b"members.second_factor"

logger = logging.getLogger(__name__)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps what codes are made of encrypted, so that a copy of the database makes none."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_generate_recovery_codes": "Set up an app first.",
        "incorrect_code": "This is not the app’s present code, or it was used before. Wait for the next one.",
    }

    def encrypt(self, text: str) -> str:
        """Return `text` as it is stored."""
        return box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was stored. Without the secret that it was stored under, return something that nobody knows."""
        try:
            return box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.warning("a second factor can't be read: it was stored under a SECRET_KEY that isn't listed any more")
            return b32encode(token_bytes(20)).decode()


def box() -> MultiFernet:
    """Return what encrypts under SECRET_KEY, and reads what its former values have encrypted."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(SALT + secret.encode()).digest())) for secret in secrets])


# What a session has proven ------------------------------------------------------------------------------------------


def is_set_up(user: User) -> bool:
    """Whether `user` has an app that makes codes."""
    exists: bool = Authenticator.objects.filter(user=user, type=TOTP).exists()
    return exists


def is_proven(request: HttpRequest) -> bool:
    """Whether whoever is signed in has proven the app that they have now in this session."""
    proven_by = request.session.get(PROVEN_BY)
    if proven_by is None:
        return False
    exists: bool = Authenticator.objects.filter(pk=proven_by, user_id=request.user.pk, type=TOTP).exists()
    return exists


def note_proof(request: HttpRequest, user: User) -> None:
    """Remember that `user` has proven their second factor in this session."""
    request.session[PROVEN_BY] = Authenticator.objects.values_list("pk", flat=True).get(user=user, type=TOTP)
    request.session[PROVEN_AT] = time.time()


def proven_at(request: HttpRequest) -> float:
    """Return the Unix time of the session's last proof by the app that its user has now; 0 without one."""
    return float(request.session.get(PROVEN_AT, 0)) if is_proven(request) else 0.0


# Codes --------------------------------------------------------------------------------------------------------------


def take_code(user: User, code: str) -> Authenticator | None:
    """Return the app or the list of recovery codes that `code` is of, if it wasn't used before; from now on it was.

    No code is taken twice, at whichever process it arrives (RFC 6238 §5.2): the row says which one was the last, and
    the code of an earlier half minute isn't taken any more.
    """
    with transaction.atomic():
        stored = {
            each.type: each for each in Authenticator.objects.select_for_update().filter(user=user).order_by("pk")
        }
        app, codes = stored.get(TOTP), stored.get(RECOVERY_CODES)
        if app and take_app_code(app, code):
            if codes:
                encrypt_anew(codes, "seed")
            return app
        return codes if codes and codes.wrap().validate_code(code) else None


def take_app_code(app: Authenticator, code: str) -> bool:
    """Use up the app's `code` and those before it. The caller holds a lock on the row."""
    secret = decrypt(app.data["secret"])
    for counter in yield_hotp_counters_from_time():
        if not compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            continue
        if counter > app.data.get(LAST_USED, -1):
            app.data[LAST_USED] = counter
            encrypt_anew(app, "secret")
            return True
    return False


def encrypt_anew(authenticator: Authenticator, name: str) -> None:
    """Save what is stored, the secret `name` under the present SECRET_KEY: former values don't stay listed for ever."""
    with suppress(InvalidToken):
        authenticator.data[name] = box().rotate(authenticator.data[name].encode()).decode()
    authenticator.save(update_fields=["data"])


# What happens to a second factor ------------------------------------------------------------------------------------


def note_recovery_code(user: User, request: HttpRequest, codes: Authenticator) -> None:
    """Record that a recovery code was used, and tell the person how many are left."""
    left = len(Authenticator.objects.get(pk=codes.pk).wrap().get_unused_codes())
    record_of_account(Action.RECOVERY_CODE_USED, user, request, left=left)
    tell_second_factor(
        user,
        request,
        RECOVERY_CODE,
        f"A recovery code was used as the second factor of {user.email}. {left} of them are left.",
    )


def note_set_up(user: User, request: HttpRequest, code: str) -> None:
    """Record that an app was set up, whose first `code` is proof and isn't taken again; tell the person."""
    take_code(user, code)
    note_proof(request, user)
    record_of_account(Action.SECOND_FACTOR_SET_UP, user, request)
    tell_second_factor(user, request, SECOND_FACTOR, f"A second factor was set up for {user.email}.")


def note_removal(user: User, request: HttpRequest) -> None:
    """Record that somebody has removed their own second factor, and tell them."""
    record_of_account(Action.SECOND_FACTOR_REMOVED, user, request)
    tell_second_factor(user, request, SECOND_FACTOR, f"The second factor of {user.email} was removed.")


def note_new_recovery_codes(user: User, request: HttpRequest) -> None:
    """Record that the recovery codes were replaced, and tell the person."""
    record_of_account(Action.RECOVERY_CODES_REPLACED, user, request)
    tell_second_factor(user, request, SECOND_FACTOR, f"The recovery codes of {user.email} were replaced by new ones.")


def reset(user: User, *, by: Actor, request: HttpRequest | None = None) -> None:
    """Remove the second factor of `user`, who can't use it any more. If there is none, do nothing.

    Sessions that it has proven aren't proven any more. Staff set up another one when they next sign in.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        removed: tuple[int, Any] = Authenticator.objects.filter(user=user).delete()
        if not removed[0]:
            return
        record_by_actor(Action.SECOND_FACTOR_RESET, user, by)
        who = "the vendor’s staff" if request else "an operator"
        tell_second_factor(user, request, SECOND_FACTOR, f"The second factor of {user.email} was removed by {who}.")
