"""The demo's sign-in. It is a backend of its own, listed only in demo mode: the password is in no database."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone

from members.models import User

ADMIN_EMAIL = "ana@acme.example"
STAFF_EMAIL = "staff@acme.example"
PASSWORD = "demo"  # noqa: S105 - opens nothing outside demo mode


class DemoBackend(ModelBackend):
    """Signs the demo's people in with the demo's password."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the demo's user if the password is the demo's and this is the demo; else None."""
        email = (kwargs.get("email") or username or "").lower()
        if not settings.DEMO or password != PASSWORD or email not in (ADMIN_EMAIL, STAFF_EMAIL):
            return None
        user = User.objects.filter(email=email).first()
        if user is not None:
            # The demo's password is in no mailbox, and opens whatever the demo's people have.
            user.password_proven_at = timezone.now()
        return user
