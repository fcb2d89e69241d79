"""Keys that take each other's place, and that may be used from certain networks only.

The trigger goes first, because SQLite copies the table and would lose it; 0006 brings it back.
"""

from importlib import import_module

from django.db import migrations, models

expiration_immutable = import_module("apikeys.migrations.0002_expiration_immutable")


class Migration(migrations.Migration):
    """A key may have one successor at a time."""

    dependencies = [("apikeys", "0003_notice")]

    operations = [
        migrations.RunPython(expiration_immutable.drop, expiration_immutable.create),
        migrations.AddField("apikey", "allowed_networks", models.JSONField(default=list, editable=False)),
        migrations.AddField(
            "apikey",
            "replaces",
            models.ForeignKey(
                "apikeys.apikey", on_delete=models.SET_NULL, null=True, editable=False, related_name="successors"
            ),
        ),
        migrations.AddField("apikey", "delete_when_silent", models.BooleanField(default=False, editable=False)),
        migrations.AddField("apikey", "first_used_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddField("apikey", "new_origin_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddConstraint(
            "apikey",
            models.UniqueConstraint(
                fields=["organization", "replaces"],
                name="api_key_one_successor",
                condition=models.Q(deleted_at=None),
            ),
        ),
    ]
