"""Lets a request in by its SCIM key, which also says for which organization it speaks."""

from django.http import HttpRequest

from apikeys.authentication import authenticate
from apikeys.models import ApiKey
from apikeys.seek import Seek
from audit.actor import Actor, Origin
from members.models import Organization
from scim.errors import ScimRefusal


class ScimRequest(HttpRequest):
    """A request that a SCIM key let in; `seek` holds what was read along with the key, if anything was sought."""

    api_key: ApiKey
    seek: Seek | None
    organization: Organization
    actor: Actor


def let_in(request: HttpRequest, seek: Seek | None) -> None:
    """Set `request.api_key`, `.seek`, `.organization` and `.actor`.

    Raises KeyRefused (401), TooManyRequests (429), or a 403 when the organization has SCIM turned off.
    """
    api_key = authenticate(request, "scim", seek)
    if not api_key.organization.scim_enabled:
        raise ScimRefusal(
            403,
            "SCIM is turned off for this organization. An Admin can turn it on in Settings > Security; "
            "nothing has been lost, and provisioning resumes from there.",
        )
    request.api_key = api_key  # type: ignore[attr-defined]
    request.seek = seek  # type: ignore[attr-defined]
    request.organization = api_key.organization  # type: ignore[attr-defined]
    request.actor = api_key.actor(Origin.of(request))  # type: ignore[attr-defined]
