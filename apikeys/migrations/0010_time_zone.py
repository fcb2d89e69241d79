"""A key says in which time zone its expiration date was meant; NULL where that isn't known.

A column that may be NULL is added without touching the rows, and code that doesn't know it goes on inserting keys.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column."""

    dependencies = [("apikeys", "0009_pepper")]

    operations = [
        migrations.AddField("apikey", "time_zone", models.CharField(editable=False, max_length=64, null=True)),
    ]
