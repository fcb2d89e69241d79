"""The apikeys app."""

from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    """Holds `ApiKey`, its life cycle and the reminders before it expires."""

    name = "apikeys"
    verbose_name = "API keys"

    def ready(self) -> None:
        """Connect what has to be connected once the models are loaded."""
        from apikeys import closing, erasure, makers

        closing.connect()
        erasure.connect()
        makers.connect()
