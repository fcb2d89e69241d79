"""The api app. It has no models: the rows are those of members, apikeys and audit."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Holds the REST API under `/v1.0/` and its documentation."""

    name = "api"
    verbose_name = "REST API"

    def ready(self) -> None:
        """Tell drf-spectacular how requests are authenticated."""
        from api import openapi  # noqa: F401 - importing it registers the extension
