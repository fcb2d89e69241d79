"""Whether an organization's identity provider may make Admins."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column; the database fills it in for the release before."""

    dependencies = [("members", "0020_job")]

    operations = [
        migrations.AddField(
            "organization",
            "directory_assigns_admin",
            models.BooleanField(
                "identity provider may assign Admin",
                default=True,
                db_default=True,
                help_text="Off, a SCIM request that would make somebody an Admin gets 400. On, all Admins are told of "
                "each.",
            ),
        )
    ]
