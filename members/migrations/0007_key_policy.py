"""Each organization decides how long its keys may live, and which reminders it wants."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """All reminders are on, and no expiration is required."""

    dependencies = [
        ("members", "0006_role_external_id"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="key_expiration_required",
            field=models.BooleanField(default=False, verbose_name="API keys must expire"),
        ),
        migrations.AddField(
            model_name="organization",
            name="key_lifetime_days",
            field=models.PositiveSmallIntegerField(
                default=365,
                help_text="Required of every new key if API keys must expire, else recommended.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(3650),
                ],
                verbose_name="longest lifetime of an API key, in days",
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="reminder_contact",
            field=models.EmailField(
                blank=True,
                help_text="Gets the reminders too, as in it-team@example.com.",
                max_length=254,
                verbose_name="contact address",
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="reminds_at_expiry",
            field=models.BooleanField(default=True, verbose_name="tell when a key has expired"),
        ),
        migrations.AddField(
            model_name="organization",
            name="reminds_day_before",
            field=models.BooleanField(default=True, verbose_name="remind 1 day before a key expires"),
        ),
        migrations.AddField(
            model_name="organization",
            name="reminds_week_before",
            field=models.BooleanField(default=True, verbose_name="remind 7 days before a key expires"),
        ),
    ]
