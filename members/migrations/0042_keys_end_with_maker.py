"""Whether an organization's keys end with whoever made them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column; the database fills it in for the release before."""

    dependencies = [("members", "0041_new_admin")]

    operations = [
        migrations.AddField(
            "organization",
            "keys_end_with_maker",
            models.BooleanField(
                "API keys end with their maker",
                default=False,
                db_default=False,
                help_text="On, the keys that somebody made are deleted when they are no longer an Admin, SCIM keys "
                "too.",
            ),
        )
    ]
