"""A reminder becomes one kind of notice, which knows how often it was tried and what the mail server said."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Reminders that were sent, or wait, stay what they are."""

    dependencies = [("apikeys", "0002_expiration_immutable")]

    operations = [
        migrations.RemoveConstraint("reminder", "reminder_once"),
        migrations.RemoveIndex("reminder", "reminder_unsent"),
        migrations.RenameModel("Reminder", "Notice"),
        migrations.RenameField("notice", "step", "kind"),
        migrations.AlterField(
            "notice",
            "kind",
            models.CharField(
                max_length=10,
                choices=[
                    ("month", "A month before"),
                    ("week", "7 days before"),
                    ("day", "1 day before"),
                    ("expiry", "At expiry"),
                    ("generated", "Key generated"),
                    ("deleted", "Key deleted"),
                    ("leaked", "Key found in public and deleted"),
                    ("new_origin", "Used from somewhere new"),
                ],
            ),
        ),
        migrations.AlterField(
            "notice",
            "api_key",
            models.ForeignKey("apikeys.ApiKey", on_delete=models.CASCADE, related_name="notices"),
        ),
        migrations.AddField("notice", "occasion", models.CharField(max_length=10, blank=True, default="")),
        migrations.AlterField("notice", "occasion", models.CharField(max_length=10, blank=True)),
        migrations.AddField("notice", "details", models.JSONField(default=dict)),
        migrations.AddField("notice", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("notice", "next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AddField("notice", "failed_at", models.DateTimeField(null=True)),
        migrations.AddField("notice", "failure", models.CharField(max_length=300, blank=True, default="")),
        migrations.AlterField("notice", "failure", models.CharField(max_length=300, blank=True)),
        migrations.AddConstraint(
            "notice",
            models.UniqueConstraint(fields=["api_key", "kind", "occasion", "recipient"], name="notice_once"),
        ),
        migrations.AddIndex(
            "notice",
            models.Index(
                fields=["next_attempt_at"],
                name="notice_waiting",
                condition=models.Q(sent_at=None, failed_at=None),
            ),
        ),
    ]
