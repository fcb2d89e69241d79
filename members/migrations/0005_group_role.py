"""Let a group have a role; those that are there have none, so that nobody's role changes."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0004_member_role_is_assigned"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="role",
            field=models.ForeignKey(
                blank=True,
                help_text=(
                    "Members to whom nobody, the identity provider included, has assigned a role have the highest role "
                    "of their groups."
                ),
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="groups",
                to="members.role",
            ),
        ),
    ]
