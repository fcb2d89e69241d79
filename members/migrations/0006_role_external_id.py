"""Let a directory keep its own id with a role (RFC 7643 §3.1)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0005_group_role"),
    ]

    operations = [
        migrations.AddField(
            model_name="role",
            name="external_id",
            field=models.CharField(blank=True, max_length=254, verbose_name="externalId"),
        ),
    ]
