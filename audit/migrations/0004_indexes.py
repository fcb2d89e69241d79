"""Events are found by organization through the index that has the newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Drops the second index on the organization."""

    dependencies = [("audit", "0003_key_origins")]

    operations = [
        migrations.AlterField(
            "event",
            "organization",
            models.ForeignKey(
                db_index=False, on_delete=models.PROTECT, related_name="events", to="members.organization"
            ),
        ),
    ]
