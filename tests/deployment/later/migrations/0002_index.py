"""Locks nothing that traffic needs, however long it takes."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("later", "0001_column")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY later_index ON members_member (later)", "DROP INDEX CONCURRENTLY later_index"
        )
    ]
