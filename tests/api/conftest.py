"""Acme's scripts, of which one may only read, and Eve's."""

from typing import Any

import pytest

from members.models import Member, Organization
from tests.api.client import Script
from tests.conftest import new_key


@pytest.fixture
def script(acme: Organization) -> Script:
    """A script of acme's whose key is read-write."""
    return Script(new_key(acme, "api_write", description="Script").text)


@pytest.fixture
def reader(acme: Organization) -> Script:
    """A script of acme's whose key is read-only."""
    return Script(new_key(acme, "api_read", description="Report").text)


@pytest.fixture
def eves_script(globex: Organization, eve: Member) -> Script:
    """A script of the other organization's, whose key is read-write."""
    return Script(new_key(globex, "api_write", description="Eve's").text)


@pytest.fixture
def no_rate_limit(settings: Any) -> None:
    """Let a test call as often as it likes."""
    settings.KEY_RATE_LIMIT = settings.BAD_KEY_LIMIT = 0
