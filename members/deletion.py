"""An organization is deleted with all that it has, a batch at a time; killed half way, it is deleted by the next run.

First nobody gets in any more, in one transaction: SCIM is off, all keys are dead, and its members' sessions open
nothing (`Organization.deleting_since`). Then each table is emptied, and the organization's own row goes last.
"""

import logging

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.utils import timezone

from audit.append_only import lifted
from audit.models import Event
from members.export import last_event
from members.holdings import Model, holdings, rows_of
from members.models import Member, Organization, User
from members.signals import organization_closed

AT_ONCE = 1_000

logger = logging.getLogger(__name__)


class ChangedSinceExport(Exception):
    """Something has happened in an organization after it was exported."""


def close(organization: Organization, exported_event: str | None) -> None:
    """Let nobody in any more. Raises ChangedSinceExport unless the last event is the one that was exported last."""
    with transaction.atomic():
        organization.refresh_from_db(from_queryset=Organization.objects.select_for_update())
        if exported_event is not None and last_event(organization) != exported_event:
            raise ChangedSinceExport
        organization.deleting_since, organization.scim_enabled_at = timezone.now(), None
        organization.save(update_fields=["deleting_since", "scim_enabled_at"])
        organization_closed.send(Organization, organization=organization)


def delete(organization: Organization) -> int:
    """Delete a closed organization; return how many rows went. Whoever was busy in it may add rows meanwhile."""
    deleted = 0
    while True:
        deleted += sum(empty(model, organization) for model in holdings())
        with transaction.atomic():
            Organization.objects.select_for_update().get(pk=organization.pk)
            if not any(rows_of(model, organization).exists() for model in holdings()):
                forget_history(Organization, [str(organization.pk)])
                models.QuerySet(Organization).filter(pk=organization.pk)._raw_delete(using="default")
                break
    logger.info("an organization was deleted")
    return deleted


def empty(model: Model, organization: Organization) -> int:
    """Delete the rows of a table that belong to `organization`, each batch in a transaction; return their number."""
    deleted = 0
    while keys := list(rows_of(model, organization).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            deleted += delete_batch(model, rows_of(model, organization).filter(pk__in=keys))
    return deleted


def delete_batch(model: Model, rows: "models.QuerySet[models.Model]") -> int:
    """Delete some rows of one table, and the logins of members who are members of nothing else."""
    if model is Event:
        with lifted():
            return rows._raw_delete(using="default")
    forget_history(model, [str(pk) for pk in rows.values_list("pk", flat=True)])
    addresses = list(rows.values_list(Lower("user_name"), flat=True)) if model is Member else []
    number = rows.delete()[1].get(model._meta.label, 0)
    if addresses:
        elsewhere = Member.objects.annotate(address=Lower("user_name")).filter(address=OuterRef("email"))
        logins = User.objects.filter(email__in=addresses, is_staff=False, is_active=True, memberships=None)
        gone = logins.exclude(Exists(elsewhere))
        forget_history(User, [str(pk) for pk in gone.values_list("pk", flat=True)])
        gone.delete()
    return number


def forget_history(model: Model, ids: list[str]) -> None:
    """Delete what Django keeps of the changes that staff have made to these rows in the staff admin: it has names."""
    LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__in=ids).delete()
