"""Name what is recorded when a group is given a role; the table stays as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="action",
            field=models.CharField(
                choices=[
                    ("scim.enabled", "SCIM turned on"),
                    ("scim.disabled", "SCIM turned off"),
                    ("api_key.generated", "API key generated"),
                    ("api_key.deleted", "API key deleted"),
                    ("api_key.expired", "API key expired"),
                    ("member.created", "Member created"),
                    ("member.updated", "Member updated"),
                    ("member.role_changed", "Member's role changed"),
                    ("member.deactivated", "Member deactivated"),
                    ("member.reactivated", "Member reactivated"),
                    ("member.removed", "Member removed"),
                    ("member.loaded", "Members loaded"),
                    ("role.created", "Role created"),
                    ("role.updated", "Role changed"),
                    ("role.deleted", "Role deleted"),
                    ("group.created", "Group created"),
                    ("group.updated", "Group changed"),
                    ("group.removed", "Group removed"),
                    ("group.role_changed", "Group's role changed"),
                    ("organization.created", "Organization created"),
                    ("organization.updated", "Organization changed"),
                ],
                max_length=40,
            ),
        ),
    ]
