"""Notices and known origins say themselves whose they are, so that every table can be parted by organization."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def organization(related_name: str, *, null: bool) -> "models.ForeignKey[models.Model, models.Model]":
    """Return the field, whose index is that of the constraint."""
    return models.ForeignKey(
        "members.organization", on_delete=models.CASCADE, null=null, db_index=False, related_name=related_name
    )


def take_the_keys_organization(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give each row the organization of its key, in one statement a table."""
    of_the_key = apps.get_model("apikeys", "ApiKey").objects.filter(pk=models.OuterRef("api_key"))
    for name in ("Notice", "KnownOrigin"):
        rows = apps.get_model("apikeys", name).objects
        rows.update(organization=models.Subquery(of_the_key.values("organization")))


class Migration(migrations.Migration):
    """The organization comes first in what may be there once."""

    dependencies = [("apikeys", "0006_networks_immutable"), ("members", "0007_key_policy")]

    operations = [
        migrations.RemoveConstraint("notice", "notice_once"),
        migrations.RemoveConstraint("knownorigin", "known_origin_once"),
        migrations.AddField("notice", "organization", organization("notices", null=True)),
        migrations.AddField("knownorigin", "organization", organization("key_origins", null=True)),
        migrations.RunPython(take_the_keys_organization, migrations.RunPython.noop),
        migrations.AlterField("notice", "organization", organization("notices", null=False)),
        migrations.AlterField("knownorigin", "organization", organization("key_origins", null=False)),
        migrations.AddConstraint(
            "notice",
            models.UniqueConstraint(
                fields=["organization", "api_key", "kind", "occasion", "recipient"], name="notice_once"
            ),
        ),
        migrations.AddConstraint(
            "knownorigin",
            models.UniqueConstraint(fields=["organization", "api_key", "kind", "value"], name="known_origin_once"),
        ),
    ]
