"""The reads that make up most of an identity provider's requests: a member by id, or by one value that an index finds.

They need no filter's syntax tree and no query of their own: what they seek is read along with the key (`apikeys.seek`).
Whatever is asked for in another way goes the way of all lists, and tests/scim/test_lookups.py asks both for the same.
"""

import re
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Lower
from django.http import HttpRequest

from apikeys.seek import Lookup, Seek
from lib.row_version import RowVersion
from members.folding import folded
from members.models import Member, MemberEmail
from members.models.group_names import GroupNames
from members.models.member import seen_columns
from members.models.member_email import is_short
from scim.representation import GROUPS, MEMBER_COLUMNS

COMPUTED = ((GROUPS, GroupNames),)

BY_ID = Lookup("members", "pk", Member._meta.pk, MEMBER_COLUMNS, COMPUTED)
TO_CHANGE = Lookup("members", "pk", Member._meta.pk, seen_columns(), (*COMPUTED, ("row_version", RowVersion)))
BY_ATTRIBUTE = {
    "username": Lookup(
        "members", "user_name__lower", Member._meta.get_field("user_name"), MEMBER_COLUMNS, COMPUTED, given=Lower
    ),
    "externalid": Lookup("members", "external_id", Member._meta.get_field("external_id"), MEMBER_COLUMNS, COMPUTED),
    "emails.value": Lookup(
        "member_emails", "address", MemberEmail._meta.get_field("address"), MEMBER_COLUMNS, COMPUTED, prefix="member__"
    ),
}

# A value without escapes; and in ASCII, of which there is one spelling only (`scim.filters.strings`).
FILTER = re.compile(r'(userName|externalId|emails\.value) eq "([ !#-\[\]-~]+)"', re.IGNORECASE | re.ASCII)
PARAMETERS = {"filter", "startIndex", "count", "attributes", "excludedAttributes"}


def seek_id(uuid: str, lookup: Lookup = BY_ID) -> Seek | None:
    """Return the look-up of the member with this id; None if it is none."""
    try:
        return Seek(lookup, UUID(uuid))
    except ValueError:
        return None


def seek_member(request: HttpRequest) -> Seek | None:
    """Return the look-up that a list's filter is; None if it is more than that, or too long."""
    text = request.GET.get("filter", "")
    found = FILTER.fullmatch(text)
    if found is None or not request.GET.keys() <= PARAMETERS or 0 < settings.SCIM_FILTER_LIMIT < len(text):
        return None
    attribute, value = found[1].lower(), found[2]
    if attribute == "emails.value":
        if not is_short(value):
            return None
        value = folded(value)
    return Seek(BY_ATTRIBUTE[attribute], value)
