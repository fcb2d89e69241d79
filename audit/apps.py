"""The audit app: one table that only grows."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Holds `Event`, which every verb writes in its own transaction."""

    name = "audit"
