"""Whom an identity provider has made an Admin, until all Admins have been told.

The row is written in the transaction that makes them one, so nobody is overlooked whatever crashes. The clock tells: a
request may make a thousand Admins in as many transactions, and gets one mail.
"""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models, transaction
from django.utils import timezone

from audit.actor import Actor
from lib import request_id
from members.ids import uuid7
from members.models.organization import Organization
from members.models.power import is_directory
from outbox.models import OutgoingMail

if TYPE_CHECKING:
    from members.models.member import Member

# A request that goes on making Admins is waited for until it has paused this long, but no longer than LONGEST.
PAUSE = dt.timedelta(seconds=5)
LONGEST = dt.timedelta(minutes=1)


class NewAdminQuerySet(models.QuerySet["NewAdmin"]):
    """New Admins of whom nobody has been told yet."""

    def write_down(self, organization: Organization, members: "Iterable[Member]", *, by: Actor) -> None:
        """Write down that `by` made these members Admins, if it is an identity provider."""
        if not is_directory(by):
            return
        new = [
            NewAdmin(
                organization=organization,
                name=member.full_name,
                user_name=member.user_name,
                made_by=by.label[:320],
                request_id=request_id.current(),
            )
            for member in members
        ]
        if new:
            self.bulk_create(new)

    def of_request(self, organization_id: int, caused_by: str) -> Self:
        """Those whom one request, or the job that followed it, has made Admins."""
        return self.filter(organization=organization_id, request_id=caused_by)

    def tell(self, now: dt.datetime) -> None:
        """Write one mail for each request that has come to its end."""
        requests = self.order_by().values_list("organization_id", "request_id")
        spans = requests.annotate(first=models.Min("created_at"), last=models.Max("created_at"))
        for organization_id, caused_by, first, last in spans:
            if now - last >= PAUSE or now - first >= LONGEST:
                self.of_request(organization_id, caused_by).tell_of_request()

    def tell_of_request(self) -> None:
        """Write the mail about these, who have one request in common. Two workers at once write one."""
        from members.mail import new_admins_mail

        with transaction.atomic():
            found = list(self.select_related("organization").select_for_update(of=("self",)).order_by("pk"))
            if not found:
                return
            admins = found[0].organization.members.active().admins().order_by("id")
            addresses = admins.values_list("user_name", flat=True)
            OutgoingMail.objects.write_down(new_admins_mail(found, address) for address in addresses)
            self.filter(pk__in=[new.pk for new in found]).delete()


class NewAdmin(models.Model):
    """Somebody whom an identity provider has made an Admin; `made_by` is the key, as the log calls it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=520)
    user_name = models.CharField(max_length=254)
    made_by = models.CharField(max_length=320)
    request_id = models.CharField(max_length=request_id.LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = NewAdminQuerySet.as_manager()

    def __str__(self) -> str:
        return self.user_name
