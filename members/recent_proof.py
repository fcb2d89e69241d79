"""Asking for a proof again: somebody who finds an open session must not be able to change how its owner signs in.

Whoever has a second factor proves it, everybody else what they signed in with. A page asks by `AsksAgain`; allauth's
own pages ask by `AccountAdapter.is_reauthentication_required`.
"""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from members.second_factor import is_set_up, proven_at

AGAIN = "Sign in again: this page needs a sign-in of the last few minutes."


def is_recent(request: HttpRequest) -> bool:
    """Whether whoever is signed in has proven within the last minutes who they are (ACCOUNT_REAUTHENTICATION_TIMEOUT).

    Of somebody who has a second factor, only that counts.
    """
    user = request.user
    if not user.is_authenticated:
        return False
    if is_set_up(user):
        latest = proven_at(request)
    else:
        latest = max((record["at"] for record in get_authentication_records(request, user)), default=0.0)
    is_young: bool = time.time() - latest < app_settings.REAUTHENTICATION_TIMEOUT
    return is_young


class AsksAgain:
    """A view that asks for a proof first, unless there was one within the last minutes."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request, or lead to where the proof is given, also by raising ReauthenticationRequired."""
        if is_recent(request):
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            return response
        if get_adapter().get_reauthentication_methods(request.user):
            raise ReauthenticationRequired
        return sign_in_again(request)


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """End the session of somebody who signs in by e-mailed codes alone: another one is their proof."""
    logout(request)
    messages.info(request, AGAIN)
    return redirect_to_login(request.path)
