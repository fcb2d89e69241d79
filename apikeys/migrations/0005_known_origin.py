"""The networks and user agents from which each key has been used."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a key meets next is its home: there is nothing to tell from for keys that exist."""

    dependencies = [("apikeys", "0004_rotation")]

    operations = [
        migrations.CreateModel(
            name="KnownOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(max_length=10, choices=[("network", "Network"), ("agent", "User agent")]),
                ),
                ("value", models.CharField(max_length=60)),
                ("first_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("is_new", models.BooleanField(default=False)),
                ("refused", models.BooleanField(default=False)),
                (
                    "api_key",
                    models.ForeignKey("apikeys.ApiKey", on_delete=models.CASCADE, related_name="origins"),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.AddConstraint(
            "knownorigin",
            models.UniqueConstraint(fields=["api_key", "kind", "value"], name="known_origin_once"),
        ),
    ]
