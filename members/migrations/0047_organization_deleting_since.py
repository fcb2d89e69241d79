"""Since when an organization is being deleted, which nobody enters any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be empty, so the release before inserts without it."""

    dependencies = [("members", "0046_passwords_so_far")]

    operations = [
        migrations.AddField(
            "organization", "deleting_since", models.DateTimeField(blank=True, editable=False, null=True)
        )
    ]
