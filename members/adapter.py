"""How django-allauth signs people in here: nobody signs up by themselves."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Closes public sign-up: people come from the identity provider or are added by an admin."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False
