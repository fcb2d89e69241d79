"""What a reminder run looks at: keys whose expiry is still to come, and reminders still to be sent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two partial indexes, which stay small however many keys have expired and mails have gone out."""

    dependencies = [("apikeys", "0002_expiration_immutable")]

    operations = [
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                fields=["expires_at"],
                name="api_key_expiry_ahead",
                condition=models.Q(deleted_at=None, expiry_recorded_at=None),
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["id"], name="reminder_unsent", condition=models.Q(sent_at=None)),
        ),
    ]
