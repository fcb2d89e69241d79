"""The bare views: a member by id, by an attribute, and changed."""

import json
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apikeys.models import ApiKey
from members.models import Member

FIELDS = ("id", "user_name", "external_id", "given_name", "family_name", "attributes", "deactivated_at")


def organization_id(request: HttpRequest) -> Any:
    """Return whose key came with the request; the id part alone is looked up."""
    key_id = request.META["HTTP_AUTHORIZATION"].split("_")[2]
    return ApiKey.objects.values_list("organization_id", flat=True).get(key_id=key_id)


@csrf_exempt
def member(request: HttpRequest, member_id: str) -> JsonResponse:
    """Return a member's row; a PATCH or PUT changes some columns first."""
    members = Member.objects.filter(organization_id=organization_id(request), pk=member_id)
    if request.method == "PATCH":
        active = json.loads(request.body)["Operations"][0]["value"]
        members.update(deactivated_at=None if active else timezone.now())
    if request.method == "PUT":
        name = json.loads(request.body)["name"]
        members.update(given_name=name["givenName"], family_name=name["familyName"])
    return JsonResponse(members.values(*FIELDS).get())


def members(request: HttpRequest) -> JsonResponse:
    """Return the rows of the members with the userName, externalId or e-mail address in the query."""
    organization, query = organization_id(request), request.GET
    found = Member.objects.filter(organization_id=organization)
    if "userName" in query:
        found = found.filter(user_name__lower=query["userName"])
    elif "externalId" in query:
        found = found.filter(external_id=query["externalId"])
    else:
        found = found.filter(email_rows__organization_id=organization, email_rows__address=query["email"])
    return JsonResponse({"Resources": list(found.values(*FIELDS))})


urlpatterns = [path("Users/<member_id>", member), path("Users", members)]
