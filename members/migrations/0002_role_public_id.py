"""Give every role an id of its own to be known by, different for each of those that are there already."""

from typing import Any

from django.db import migrations, models

import members.ids

BATCH = 1_000


def fill(apps: Any, schema_editor: Any) -> None:
    """Give the roles that are there their ids, in the order in which they were made."""
    roles = apps.get_model("members", "Role").objects
    nameless = list(roles.order_by("pk").only("pk"))
    for role in nameless:
        role.public_id = members.ids.uuid7()
    roles.bulk_update(nameless, ["public_id"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0001_initial"),
    ]

    operations = [
        # A default is asked for once for all rows, so the column can be unique only after it has been filled.
        migrations.AddField(
            model_name="role",
            name="public_id",
            field=models.UUIDField(editable=False, null=True, verbose_name="public ID"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="role",
            name="public_id",
            field=models.UUIDField(default=members.ids.uuid7, editable=False, unique=True, verbose_name="public ID"),
        ),
    ]
