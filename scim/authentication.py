"""Lets a request in by its SCIM key, which also says for which organization it speaks.

A module of its own because django-scim2 resolves its AUTH_CHECK_MIDDLEWARE while its views are being imported.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from apikeys.authentication import authenticate
from apikeys.models import ApiKey
from audit.actor import Actor, Origin
from members.models import Organization
from scim.errors import ScimRefusal


class ScimRequest(HttpRequest):
    """A request that a SCIM key let in."""

    api_key: ApiKey
    organization: Organization
    actor: Actor


def let_in(request: HttpRequest) -> None:
    """Set `request.api_key`, `.organization` and `.actor`.

    Raises KeyRefused (401), TooManyRequests (429), or a 403 when the organization has SCIM turned off.
    """
    api_key = authenticate(request, "scim")
    if not api_key.organization.scim_enabled:
        raise ScimRefusal(
            403,
            "SCIM is turned off for this organization. An Admin can turn it on in Settings > Security; "
            "nothing has been lost, and provisioning resumes from there.",
        )
    request.api_key = api_key  # type: ignore[attr-defined]
    request.organization = api_key.organization  # type: ignore[attr-defined]
    request.actor = Actor.api_key(api_key, Origin.of(request))  # type: ignore[attr-defined]


def require_scim_key(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Call `view` only for a request that `let_in` lets in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        let_in(request)
        return view(request, *args, **kwargs)

    return guarded
