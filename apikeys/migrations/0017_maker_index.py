"""An index finds the keys that a member has made, when that member leaves."""

from django.db import migrations, models

from lib.migrations import AddIndexConcurrently


class Migration(migrations.Migration):
    """Adds an index."""

    atomic = False

    dependencies = [("apikeys", "0016_access_immutable")]

    operations = [
        AddIndexConcurrently(
            "apikey",
            models.Index(
                fields=["maker_id"],
                name="api_key_maker",
                condition=models.Q(deleted_at=None, maker_id__isnull=False),
            ),
        ),
    ]
