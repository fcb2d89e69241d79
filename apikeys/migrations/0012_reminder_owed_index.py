"""An index finds the keys whose expiry e-mail is still owed, however many keys there are."""

from django.db import migrations, models

from lib.migrations import AddIndexConcurrently


class Migration(migrations.Migration):
    """Adds an index."""

    atomic = False

    dependencies = [("apikeys", "0011_reminder_owed")]

    operations = [
        AddIndexConcurrently(
            "apikey",
            models.Index(
                fields=["id"], name="api_key_reminder_owed", condition=models.Q(reminder_owed_at__isnull=False)
            ),
        ),
    ]
