"""A key says which pepper its digest is under, by a fingerprint; NULL where that isn't known yet.

PostgreSQL adds such a column without touching the rows, and code that doesn't know it goes on inserting keys.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column."""

    dependencies = [("apikeys", "0008_search_path")]

    operations = [
        migrations.AddField("apikey", "pepper", models.CharField(editable=False, max_length=16, null=True)),
    ]
