"""Lets a request in by its key of type Torii API, which also says for which organization it speaks."""

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.problems import REALM, Problem
from apikeys.authentication import authenticate
from apikeys.models import ApiKey
from audit.actor import Actor, Origin
from members.models import Organization

if TYPE_CHECKING:
    # REST framework's views import this module.
    from rest_framework.views import APIView


class ApiRequest(Request):
    """A request that an API key let in, as views get it."""

    api_key: ApiKey
    organization: Organization
    actor: Actor


class KeyAuthentication(BaseAuthentication):
    """Sets `request.api_key`, `.organization` and `.actor`. There is no user: a key is its organization's alone."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey]:
        """Return the key. Raises KeyRefused (401), KeyNotAllowedHere (403) or TooManyRequests (429)."""
        django_request = request._request
        api_key = authenticate(django_request, "api")
        django_request.api_key = api_key  # type: ignore[attr-defined]
        django_request.organization = api_key.organization  # type: ignore[attr-defined]
        django_request.actor = Actor.api_key(api_key, Origin.of(django_request))  # type: ignore[attr-defined]
        return None, api_key

    def authenticate_header(self, request: Request) -> str:
        """Return what `WWW-Authenticate` says."""
        return REALM


class MayWrite(BasePermission):
    """A read-only key reads; whatever else is asked of it is a 403."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return True, or raise the 403."""
        api_key: ApiKey = request._request.api_key  # type: ignore[attr-defined]
        if request.method in SAFE_METHODS or api_key.may_write:
            return True
        raise Problem("read_only_key", "This key is read-only: generate one with the permission read-write to write.")
