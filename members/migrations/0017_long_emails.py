"""Who has an address too long for a row gets a row that says so, which `members.models.member_email` tells about."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import TextField
from django.db.models.functions import Cast, Length

from members.models.member_email import ADDRESS_LENGTH, TOO_LONG, addresses_in

CHUNK = 5_000


def mark(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add the rows, some members at a time; what was marked before is left as it is."""
    size = Length(Cast("attributes", TextField()))
    members = apps.get_model("members", "Member").objects.annotate(size=size).filter(size__gt=ADDRESS_LENGTH)
    rows = apps.get_model("members", "MemberEmail").objects
    chunk = list(members.order_by("pk").only("pk", "organization_id", "attributes")[:CHUNK])
    while chunk:
        found = [member for member in chunk if TOO_LONG in addresses_in(member.attributes)]
        rows.bulk_create(
            [rows.model(organization_id=each.organization_id, member_id=each.pk, address=TOO_LONG) for each in found],
            ignore_conflicts=True,
        )
        chunk = list(members.filter(pk__gt=chunk[-1].pk).order_by("pk")[:CHUNK])


class Migration(migrations.Migration):
    """Reads the attributes of all members, a few seconds for a million, and adds hardly any rows."""

    atomic = False

    dependencies = [("members", "0016_trigrams")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
