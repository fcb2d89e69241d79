"""The scim app: no models, only a door."""

from django.apps import AppConfig


class ScimConfig(AppConfig):
    """Speaks SCIM; members keeps the people."""

    name = "scim"
    verbose_name = "SCIM"
