"""Locks the table of members, as most migrations lock a table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE members_member ADD COLUMN later integer", "ALTER TABLE members_member DROP COLUMN later"
        )
    ]
