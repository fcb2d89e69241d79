"""The text of a key is in no `repr`, no frame that a report of errors shows, and no line of the log."""

import logging
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

import heroicons
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from apikeys.authentication import key_text
from apikeys.models import ApiKey
from apikeys.secret import KeyText, checksum
from apikeys.views.shown_once import render_shown_once
from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from torii_settings.logs import story

pytestmark = pytest.mark.django_db

# What a test has seen of a key on the way; a local variable of its own would be in the report.
KNOWN: list[str] = []


def report_of(error: BaseException) -> str:
    """Return what Django's own report of an error shows, the values in each frame included."""
    # The test's own frame, which comes first, knows the text.
    trace: TracebackType | None = error.__traceback__ and error.__traceback__.tb_next
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, trace)
    return f"{reporter.get_traceback_text()}{reporter.get_traceback_html()}"


def test_no_repr_has_it(acme: Organization) -> None:
    made = new_key(acme)
    assert made.text not in repr(made)
    assert made.text not in f"{made}{made.api_key!r}"


def test_no_frame_shows_it_when_generating_fails(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ApiKey, *args: object, **kwargs: object) -> None:
        KNOWN.append(sys._getframe(1).f_locals["text"].text)
        raise RuntimeError("no more")

    monkeypatch.setattr(ApiKey, "tell_admins", fail)
    with pytest.raises(RuntimeError) as failure:
        ApiKey.generate(acme, kind="scim", description="Okta", expires_on=None, by=SETUP)
    text = KNOWN.pop()
    assert text not in report_of(failure.value)
    assert text not in story(failure.value)


def test_no_frame_shows_it_when_reading_fails(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = new_key(acme).text
    request = RequestFactory().get("/scim/v2/Users", headers={"Authorization": f"Bearer {text}"})

    def fail(*args: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("apikeys.authentication.KeyText.parse", fail)
    with pytest.raises(RuntimeError) as failure, caplog.at_level(logging.DEBUG):
        key_text(request)
    assert text not in report_of(failure.value)
    assert text not in story(failure.value)
    assert text not in caplog.text


def test_no_frame_shows_it_when_its_page_fails(
    acme: Organization, ana: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = RequestFactory().get("/")
    request.organization, request.member, request.user = acme, ana, AnonymousUser()  # type: ignore[attr-defined]
    new = new_key(acme)
    KNOWN.append(new.text)
    render_icon = heroicons._render_icon

    def fail_beside_the_key(style: str, name: str, *args: Any) -> str:
        if name == "clipboard-document":
            raise RuntimeError("no more")
        return render_icon(style, name, *args)

    monkeypatch.setattr(heroicons, "_render_icon", fail_beside_the_key)
    with pytest.raises(RuntimeError) as failure:
        render_shown_once(request, new)  # type: ignore[arg-type]
    assert KNOWN.pop() not in report_of(failure.value)


@pytest.mark.parametrize("verb", [KeyText.parse, checksum])
def test_no_frame_shows_it_when_its_spelling_fails(
    acme: Organization, verb: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    KNOWN.append(new_key(acme).text)

    def fail(*args: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("apikeys.secret.zlib.crc32", fail)
    with pytest.raises(RuntimeError) as failure:
        verb(KNOWN[0])
    assert KNOWN.pop() not in report_of(failure.value)
