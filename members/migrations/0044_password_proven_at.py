"""How old the proof is with which a password was set."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be empty, so the release before inserts without it."""

    dependencies = [("members", "0043_one_process_for_a_query")]

    operations = [
        migrations.AddField("user", "password_proven_at", models.DateTimeField(blank=True, editable=False, null=True))
    ]
