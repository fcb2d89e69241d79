"""Lets a request in by its SCIM key, which also says for which organization it speaks."""

from django.http import HttpRequest

from apikeys.authentication import authenticate
from apikeys.limits import check_key, count_refusal
from apikeys.models import ApiKey
from apikeys.seek import Seek
from audit.actor import Actor, Origin
from members.models import Organization
from scim.errors import ScimRefusal

SCIM_IS_OFF = (
    "SCIM is turned off for this organization. An Admin can turn it on in Settings > Security; nothing has been lost, "
    "and provisioning resumes from there."
)


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
    origin = Origin.of(request)
    if not api_key.organization.scim_enabled:
        count_refusal(api_key.pk, origin.ip, SCIM_IS_OFF)
        raise ScimRefusal(403, SCIM_IS_OFF)
    check_key(api_key.pk)
    request.api_key = api_key  # type: ignore[attr-defined]
    request.seek = seek  # type: ignore[attr-defined]
    request.organization = api_key.organization  # type: ignore[attr-defined]
    request.actor = api_key.actor(origin)  # type: ignore[attr-defined]
