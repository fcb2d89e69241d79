"""One index on an organization's rows where there were two: what begins with the organization finds them as well.

The trigger of 0010 comes after it, because SQLite copies the tables and would lose it.
"""

from django.db import migrations, models


def organization(related_name: str) -> "models.ForeignKey[models.Model, models.Model]":
    """Return the field, without an index of its own."""
    return models.ForeignKey(
        db_index=False, on_delete=models.CASCADE, related_name=related_name, to="members.organization"
    )


class Migration(migrations.Migration):
    """Drops five indexes; memberships get one that finds a member's in an organization, members one by role."""

    dependencies = [("members", "0008_member_email")]

    operations = [
        migrations.AddIndex(
            "groupmembership", models.Index(fields=["member", "organization"], name="group_membership_member")
        ),
        migrations.AlterField(
            "groupmembership",
            "member",
            models.ForeignKey(
                db_index=False, on_delete=models.CASCADE, related_name="group_memberships", to="members.member"
            ),
        ),
        migrations.AlterField("groupmembership", "organization", organization("+")),
        migrations.AlterField("group", "organization", organization("groups")),
        migrations.AlterField("member", "organization", organization("members")),
        migrations.AddIndex("member", models.Index(fields=["role", "id"], name="member_role_id")),
        migrations.AlterField(
            "member",
            "role",
            models.ForeignKey(db_index=False, on_delete=models.PROTECT, related_name="members", to="members.role"),
        ),
    ]
