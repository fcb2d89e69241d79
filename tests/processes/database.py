"""Where the tests' own database is, for a process that a test starts."""

from urllib.parse import quote

from django.db import connection


def database_url() -> str:
    """Return the URL of the database that this test uses; it must be marked `django_db(transaction=True)`."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
