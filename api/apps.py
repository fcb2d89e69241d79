"""The api app. It has no models: the rows are those of members, apikeys and audit."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Holds the REST API under `/v1.0/` and its documentation."""

    name = "api"
    verbose_name = "REST API"
