"""Who made a key stays known when they are removed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be empty; the release before leaves it so."""

    dependencies = [("apikeys", "0012_reminder_owed_index")]

    operations = [migrations.AddField("apikey", "maker_id", models.UUIDField(editable=False, null=True))]
