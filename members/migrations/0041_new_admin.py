"""Whom identity providers have made Admins, until the Admins have been told."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import members.ids


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0040_directory_assigns_admin"),
    ]

    operations = [
        migrations.CreateModel(
            name="NewAdmin",
            fields=[
                ("id", models.UUIDField(default=members.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=520)),
                ("user_name", models.CharField(max_length=254)),
                ("made_by", models.CharField(max_length=320)),
                ("request_id", models.CharField(blank=True, max_length=128)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="members.organization"
                    ),
                ),
            ],
        ),
    ]
