"""The members app: organizations, users, roles, members and groups."""

from django.apps import AppConfig


class MembersConfig(AppConfig):
    """Registers the database functions that the models rely on, and the sign-in signal."""

    name = "members"

    def ready(self) -> None:
        """Connect what has to be connected once the models are loaded."""
        from members import database, sessions

        database.connect()
        sessions.connect()
