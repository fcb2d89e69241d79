"""Lets a request in by its key of type Torii API, which also says for which organization it speaks."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.problems import REALM, Problem
from apikeys.authentication import authenticate
from apikeys.limits import check_key, count_refusal
from apikeys.models import ApiKey
from audit.actor import Actor, Origin
from members.models import Level, Organization, Scope
from members.models.scope import RANK, rank

if TYPE_CHECKING:
    # REST framework's views import this module.
    from rest_framework.views import APIView


WITHOUT_MAKER = (
    "{maker}, who made this key, has no access to the settings any more, so the key has none either: generate a new "
    "one in Settings > API Access."
)


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
        django_request.actor = api_key.actor(Origin.of(django_request))  # type: ignore[attr-defined]
        return None, api_key

    def authenticate_header(self, request: Request) -> str:
        """Return what `WWW-Authenticate` says."""
        return REALM


class MayEnter(BasePermission):
    """Lets in a key that has access to the view's `scope`: to read, or to act for a method that isn't safe."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return True, or raise the 403, which says what the key lacks, or a 429 where too many of these came."""
        django_request = request._request
        try:
            check_access(django_request, view.scope)  # type: ignore[attr-defined] # an ApiView declares it
        except Problem as refusal:
            ip = Origin.of(django_request).ip
            count_refusal(django_request.api_key.pk, ip, refusal.detail)  # type: ignore[attr-defined]
            raise
        return True


def check_access(request: HttpRequest, scope: Scope) -> None:
    """Raise the 403 for a key that lacks what `request` needs in `scope`."""
    api_key: ApiKey = request.api_key  # type: ignore[attr-defined]
    level = Level.READ if request.method in SAFE_METHODS else Level.ACT
    if level == Level.ACT and not api_key.may_write:
        raise Problem("read_only_key", "This key is read-only: generate one with the permission read-write to write.")
    actor: Actor = request.actor  # type: ignore[attr-defined]
    held = actor.power.access()
    if held is not None and not any(rank(held, each) for each in Scope):
        raise Problem("key_without_maker", WITHOUT_MAKER.format(maker=api_key.created_by_label))
    if held is not None and rank(held, scope) < RANK[level.value]:
        raise Problem("no_access", f"{api_key.hint} may not {level} in {scope.label}: use a key that may.")


class KeyLimit(BaseThrottle):
    """Counts what a key may do against its limit; REST framework asks it last, once the key has been let in."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return True, or raise TooManyRequests."""
        check_key(request._request.api_key.pk)  # type: ignore[attr-defined]
        return True
