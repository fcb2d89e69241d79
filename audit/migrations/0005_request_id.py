"""Events say which request, or which run of a command or the clock, caused them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column whose default is the database's, so that the release before goes on inserting without it."""

    dependencies = [("audit", "0004_indexes")]

    operations = [
        migrations.AddField(
            "event", "request_id", models.CharField(blank=True, db_default="", default="", max_length=128)
        ),
    ]
