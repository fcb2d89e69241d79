"""An event about people who were erased."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0008_append_only"),
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
                    ("api_key.maker_left", "API key's maker is no longer an Admin"),
                    ("api_key.new_origin", "API key used from somewhere new"),
                    ("api_key.origin_accepted", "API key's new origin accepted"),
                    ("member.created", "Member created"),
                    ("member.updated", "Member updated"),
                    ("member.role_changed", "Member's role changed"),
                    ("member.deactivated", "Member deactivated"),
                    ("member.reactivated", "Member reactivated"),
                    ("member.removed", "Member removed"),
                    ("person.erased", "Person erased"),
                    ("member.loaded", "Members loaded"),
                    ("role.created", "Role created"),
                    ("role.updated", "Role changed"),
                    ("role.deleted", "Role deleted"),
                    ("group.created", "Group created"),
                    ("group.updated", "Group changed"),
                    ("group.removed", "Group removed"),
                    ("group.role_changed", "Group's role changed"),
                    ("sign_in.succeeded", "Signed in"),
                    ("sign_in.failed", "Sign-in failed"),
                    ("sign_in.locked", "Sign-in refused after too many attempts"),
                    ("password.set", "Password set"),
                    ("organization.entered", "Switched to this organization"),
                    ("staff.opened", "Page opened by staff"),
                    ("organization.created", "Organization created"),
                    ("organization.updated", "Organization changed"),
                ],
                max_length=40,
            ),
        ),
    ]
