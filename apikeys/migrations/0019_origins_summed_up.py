"""Networks and user agents that a key has met beyond many are summed up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds columns; the release before makes rows that are no sums, and shows a sum as one origin."""

    dependencies = [("apikeys", "0017_maker_index")]

    operations = [
        migrations.AddField("knownorigin", "others", models.IntegerField(db_default=0, default=0)),
        migrations.AddField("knownorigin", "latest", models.JSONField(db_default=[], default=list)),
        migrations.AddField("knownorigin", "last_seen_at", models.DateTimeField(null=True)),
    ]
