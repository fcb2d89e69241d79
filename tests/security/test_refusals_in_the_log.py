"""What is refused leaves one line with the caller's address and key id, without a traceback and without a name."""

import datetime as dt
import json
import logging
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from tests.project.test_access_lines import Call, Lines, lines, with_key
from torii_settings.logs import News

__all__ = ["lines"]

pytestmark = pytest.mark.django_db

NAMES = ("Ana", "Admin", "ana@", "acme.example", "Okta")


def written(records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """Return the records that would be written besides the access line."""
    return [record for record in records if record.levelno >= logging.INFO and News().filter(record)]


def refused(lines: Lines, records: list[logging.LogRecord], status: int, key: str | None) -> None:
    """Check the line of the latest request, and that nothing else tells of it."""
    line = lines[-1]
    assert (line["status"], line["client"], line["key"]) == (status, "203.0.113.9", key)
    told = json.dumps(line) + "".join(record.getMessage() for record in written(records))
    assert not [name for name in NAMES if name in told]
    assert not [record for record in written(records) if record.exc_info]


@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/members"])
def test_a_key_that_is_refused_is_named_by_its_id(
    lines: Lines, acme: Organization, ana: Member, caplog: Any, path: str
):
    kind = "api_write" if path == "/v1.0/members" else "scim"
    new = new_key(acme, kind, expires_on=timezone.now().date() + dt.timedelta(days=1))
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        Call(path, **with_key(new.text))
    refused(lines, caplog.records, 401, new.api_key.key_id)


def test_a_key_that_nobody_knows_is_refused_without_one(lines: Lines, acme: Organization, caplog: Any):
    Call("/scim/v2/Users", **with_key("torii_scim_abcdefgh_" + "x" * 49))
    refused(lines, caplog.records, 401, None)


def test_a_key_that_may_not_is_named_by_its_id(lines: Lines, acme: Organization, ana: Member, caplog: Any):
    new = new_key(acme)
    acme.disable_scim(by=SETUP)
    Call("/scim/v2/Users", **with_key(new.text))
    refused(lines, caplog.records, 403, new.api_key.key_id)


@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/members"])
def test_a_key_past_its_limit_is_named_by_its_id(
    lines: Lines, acme: Organization, ana: Member, caplog: Any, settings: Any, path: str
):
    settings.KEY_RATE_LIMIT = settings.KEY_RATE_BURST = 1
    new = new_key(acme, "api_write" if path == "/v1.0/members" else "scim")
    for _ in range(4):
        Call(path, **with_key(new.text))
    refused(lines, caplog.records, 429, new.api_key.key_id)


def test_a_stranger_who_tries_too_often_is_named_by_their_address(lines: Lines, ana: Member, caplog: Any):
    for number in range(101):
        Call(f"/accounts/password/reset/key/1-ana-{number}/")
    refused(lines, caplog.records, 429, None)
