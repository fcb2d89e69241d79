"""Whoever finds a key reports it: it is deleted, the Admins are told, and the key is repeated nowhere."""

from typing import Any

import pytest

from apikeys.models import ApiKey
from apikeys.secret import KeyText
from audit.models import Action
from members.models import Member, Organization
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, new_key

URL = "https://code.example/acme/blob/main/run.sh"


def report(key: Any, **more: Any) -> Any:
    return Script("").call("POST", "leaked-keys", {"key": key, **more}, headers={"User-Agent": "scanner"})


@pytest.mark.parametrize("kind", ["scim", "api_read", "api_write"])
def test_a_reported_key_is_deleted_at_once(acme: Organization, ana: Member, kind: str) -> None:
    key = new_key(acme, kind)

    response = report(key.text, found_at=URL)

    assert (response.status_code, response.json()) == (200, {"result": "deleted"})
    assert response["Cache-Control"] == "no-store"
    row = ApiKey.objects.get(pk=key.api_key.pk)
    assert row.deleted_at is not None
    assert row.digest is None
    event = acme.events.order_by("-id").first()
    assert event is not None
    assert (event.action, event.target_id, event.ip) == (Action.API_KEY_DELETED, str(row.pk), "127.0.0.1")
    assert URL in str(event.changes)
    assert_problem(Script(key.text).get("members"), 401, "invalid_key") if kind != "scim" else None


def test_unknown_and_deleted_keys_are_answered_alike(acme: Organization) -> None:
    deleted = new_key(acme)
    deleted.api_key.delete_key(by=SETUP)
    answers = [report(text) for text in (KeyText.generate("api").text, deleted.text)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b'{"result":"not_found"}')] * 2


def test_the_key_is_repeated_nowhere(
    acme: Organization, ana: Member, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    key = new_key(acme)
    broken = key.text[:-1] + ("a" if key.text[-1] != "a" else "b")

    answers = [
        report(broken),
        report(f" {key.text}"),
        report({"a": key.text}),
        Script("").call("POST", "leaked-keys", {key.text: "key"}),
        Script("").call("POST", "leaked-keys", key.text.encode()),
        report(key.text, found_at=f"https://paste.example/?q={key.text}"),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 200]
    said = "".join(answer.content.decode() for answer in answers) + caplog.text + "".join(capsys.readouterr())
    said += str([event.changes for event in acme.events.all()])
    assert key.text[:40] not in said
    assert broken[:40] not in said


@pytest.mark.parametrize("text", ["", "x", "torii_api_abcdefgh_", "a" * 60_000, "torii_scim_" + "a" * 58, "é"])
def test_what_is_no_key_is_told_what_one_looks_like(acme: Organization, text: str) -> None:
    problem = assert_problem(report(text), 400, "malformed_key", "torii_scim_", "torii_api_", "checksum")
    assert "errors" not in problem


@pytest.mark.parametrize(
    "found_at",
    ["", "x", "ftp://x.example", "javascript:alert(1)", "https://x.example/\n", "https://" + "x" * 493, 5, None, ["x"]],
)
def test_where_it_was_found_is_a_url_or_nothing(acme: Organization, found_at: Any) -> None:
    key = new_key(acme)
    problem = assert_problem(report(key.text, found_at=found_at), 400, "invalid_body")
    assert list(problem["errors"]) == ["found_at"]
    assert ApiKey.objects.get(pk=key.api_key.pk).deleted_at is None


def test_a_url_of_500_characters_is_one(acme: Organization) -> None:
    assert report(new_key(acme).text, found_at="https://" + "x" * 492).json() == {"result": "deleted"}


def test_reports_are_counted_before_anything_else(acme: Organization, settings: Any) -> None:
    settings.BAD_KEY_LIMIT = 2
    key = new_key(acme)
    assert [report("x").status_code for _ in range(2)] == [400, 400]
    refused = report(key.text)
    assert_problem(refused, 429, "too_many_requests")
    assert int(refused["Retry-After"]) >= 1
    assert ApiKey.objects.get(pk=key.api_key.pk).deleted_at is None


def test_no_key_is_needed_and_none_is_in_the_way(acme: Organization) -> None:
    key = new_key(acme)
    sent = Script("torii_api_nonsense").call("POST", "leaked-keys", {"key": key.text})
    assert sent.json() == {"result": "deleted"}
