"""The e-mail addresses of members become rows, so that an index finds who has one."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from members.models.member_email import addresses_in

CHUNK = 5_000


def write_down(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the addresses down of everybody who is there, some members at a time."""
    members = apps.get_model("members", "Member").objects.order_by("pk").only("pk", "organization_id", "attributes")
    rows = apps.get_model("members", "MemberEmail")
    chunk = list(members[:CHUNK])
    while chunk:
        rows.objects.bulk_create(
            rows(organization_id=member.organization_id, member_id=member.pk, address=address)
            for member in chunk
            for address in addresses_in(member.attributes)
        )
        chunk = list(members.filter(pk__gt=chunk[-1].pk)[:CHUNK])


class Migration(migrations.Migration):
    """Adds and fills the table."""

    dependencies = [("members", "0007_key_policy")]

    operations = [
        migrations.CreateModel(
            name="MemberEmail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=320)),
                (
                    "member",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="email_rows", to="members.member"),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="member_emails",
                        to="members.organization",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "memberemail",
            models.UniqueConstraint(fields=("organization", "address", "member"), name="member_email_unique"),
        ),
        migrations.RunPython(write_down, migrations.RunPython.noop),
    ]
