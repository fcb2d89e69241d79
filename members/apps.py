"""The members app: organizations, users, roles, members and groups."""

from django.apps import AppConfig


class MembersConfig(AppConfig):
    """Registers the database functions that the models rely on, the sign-in signal, and a system check."""

    name = "members"

    def ready(self) -> None:
        """Connect what has to be connected once the models are loaded."""
        from members import checks, database, sessions

        checks.connect()
        database.connect()
        sessions.connect()
