"""The e-mail addresses of members, each a row, so that an index finds who has one.

They say nothing that the member's `attributes` don't: whoever writes these writes the rows too. An address that is too
long for a row is found in the attributes alone; a row that is `TOO_LONG` says that its member has one.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models

from members.folding import folded
from members.models.organization import Organization
from torii_settings.statement import Insert, unsaved

if TYPE_CHECKING:
    from members.models.member import Member

ADDRESS_LENGTH = 320
TOO_LONG = ""


class MemberEmailQuerySet(models.QuerySet["MemberEmail"]):
    """The addresses of many members at once; `follow` is for one."""

    def write_down(self, members: "Iterable[Member]") -> None:
        """Add the addresses of members who are new; one query."""
        INSERT.run_many([row for member in members for row in rows_of(member, addresses_in(member.attributes))])


class MemberEmail(models.Model):
    """An address of a member, folded; `TOO_LONG` stands for any that is longer than `ADDRESS_LENGTH`."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, db_index=False, related_name="member_emails"
    )
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="email_rows")
    address = models.CharField(max_length=ADDRESS_LENGTH)

    objects = MemberEmailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "address", "member"], name="member_email_unique"),
        ]

    def __str__(self) -> str:
        return self.address


# The release before leaves a row of TOO_LONG where it is, so another one may be there already.
INSERT = Insert(MemberEmail, or_nothing=True)


def follow(member: "Member", before: dict[str, Any]) -> list[tuple[Insert, MemberEmail]]:
    """Make the addresses those that `member`, whose attributes were `before`, has now.

    Return what is left for the caller to write: a single new address, which is what most members have, has a statement
    that is made already and can be run along with others.
    """
    if before.get("emails") == member.attributes.get("emails"):
        return []
    old, new = addresses_in(before), addresses_in(member.attributes)
    if gone := [address for address in old if address not in new]:
        MemberEmail.objects.filter(organization=member.organization_id, member=member, address__in=gone).delete()
    rows = rows_of(member, [address for address in new if address not in old])
    if len(rows) > 1:
        INSERT.run_many(rows)
        return []
    return [(INSERT, row) for row in rows]


def first_rows(member: "Member") -> list[tuple[Insert, MemberEmail]]:
    """Return the addresses of a member who is new, for the caller to write."""
    return [(INSERT, row) for row in rows_of(member, addresses_in(member.attributes))]


def rows_of(member: "Member", addresses: list[str]) -> list[MemberEmail]:
    """Return the rows, not yet saved, of some addresses of a member."""
    of_member = {"id": None, "organization_id": member.organization_id, "member_id": member.pk}
    return [unsaved(MemberEmail, of_member | {"address": address}) for address in addresses]


def addresses_in(attributes: dict[str, Any]) -> list[str]:
    """Return what has a row: the `value` of each of the `emails` (RFC 7643 §4.1.2), folded, once; or TOO_LONG."""
    emails = attributes.get("emails")
    values = [email.get("value") for email in emails if isinstance(email, dict)] if isinstance(emails, list) else []
    found = [folded(value) for value in values if isinstance(value, str) and value]
    return list(dict.fromkeys(address if is_short(address) else TOO_LONG for address in found))


def is_short(address: str) -> bool:
    """Whether a folded address has a row of its own."""
    return len(address) <= ADDRESS_LENGTH
