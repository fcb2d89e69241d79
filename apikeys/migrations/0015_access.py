"""A key for the REST API is given a level in each scope, as a role is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column; empty, as the release before leaves it, it stands for all that the key's type gives."""

    dependencies = [("apikeys", "0014_makers")]

    operations = [migrations.AddField("apikey", "access", models.JSONField(editable=False, null=True))]
