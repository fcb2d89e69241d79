"""A key remembers that somebody is still to be told of its expiry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be NULL, so that no row is touched and the release before goes on inserting without it."""

    dependencies = [("apikeys", "0010_time_zone")]

    operations = [
        migrations.AddField("apikey", "reminder_owed_at", models.DateTimeField(editable=False, null=True)),
    ]
