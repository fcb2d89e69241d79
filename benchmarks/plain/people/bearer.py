"""The bearer check: one query finds the token and its user."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from benchmarks.plain.people.models import Token


class BearerMiddleware:
    """Sets `request.user`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let whoever has a token be its user."""
        key = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        token = Token._default_manager.select_related("user").filter(key=key).first()
        request.user = token.user if token else AnonymousUser()
        return self.get_response(request)
