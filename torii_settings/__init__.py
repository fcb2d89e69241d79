"""The Django project: settings, URLs, and the processes that serve them."""

from torii_settings.celery import app as celery_app

__all__ = ["celery_app"]
