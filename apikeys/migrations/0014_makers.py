"""Who made the keys that exist: the member that the row names, or the log where that member was removed."""

import datetime as dt
from uuid import UUID

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# The event of a key is made in the same transaction as the key, and its id begins with the time.
SLACK = dt.timedelta(minutes=10)


def first_id(moment: dt.datetime) -> UUID:
    """Return the lowest id of version 7 made at `moment` (RFC 9562 §5.7)."""
    return UUID(int=max((moment - EPOCH) // dt.timedelta(milliseconds=1), 0) << 80)


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill the column for keys that are not deleted: those that are open nothing."""
    existing = apps.get_model("apikeys", "ApiKey").objects.filter(deleted_at=None, maker_id=None)
    events = apps.get_model("audit", "Event").objects.filter(action="api_key.generated", actor_kind="member")
    existing.exclude(created_by=None).update(maker_id=models.F("created_by_id"))
    for api_key in existing.filter(created_by=None).only("pk", "organization_id", "created_at").iterator():
        made = events.filter(
            organization_id=api_key.organization_id,
            id__gte=first_id(api_key.created_at - SLACK),
            id__lte=first_id(api_key.created_at + SLACK),
            target_id=str(api_key.pk),
        ).first()
        if made is not None:
            existing.filter(pk=api_key.pk).update(maker_id=UUID(made.actor_id))


class Migration(migrations.Migration):
    """Looks up who made each key without a known maker, in the few minutes of the log around its creation."""

    dependencies = [("apikeys", "0013_maker_id"), ("audit", "0005_request_id")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
