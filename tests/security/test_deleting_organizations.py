"""An organization is exported and deleted with all that it has, and nothing of another one is touched."""

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client

from apikeys.models import KnownOrigin
from members import deletion
from members.directory import GroupProfile
from members.export import DERIVED
from members.holdings import holdings, references_of, rows_of
from members.models import Group, Job, Member, Organization, User
from tests.conftest import ACME, SETUP, new_key, person
from tests.identity_provider import IdentityProvider
from tests.security.conftest import PASSWORD
from tests.web.conftest import SignIn


@pytest.fixture
def full(acme: Organization, ana: Member, ira: Member, emil: Member) -> Organization:
    """Acme, with a row in every table that there is for organizations."""
    key = new_key(acme, by=ana.actor()).api_key
    KnownOrigin(api_key=key, kind="agent", value="Okta").save()
    IdentityProvider(new_key(acme).text).create(
        "adam@acme.example",
        userType="Admin",
        emails=[
            {"value": "adam@acme.example"},
            {"value": "adam@example.com"},
        ],
    )
    group = Group.add(acme, GroupProfile("Works", replace_members={emil.pk}), by=SETUP)
    group.give_role(acme.roles.get(name="Read Only"), by=SETUP)
    Job.objects.write_down(acme, [emil.pk], by=SETUP, because={})
    login = User.objects.create_user(ana.user_name, PASSWORD)
    stella = User.objects.create_superuser("stella@vendor.example", PASSWORD)
    for row in (ana, login, acme):
        LogEntry.objects.log_actions(stella.pk, [row], 2, "", single_object=True)
    return acme


def counts(organization: Organization) -> dict[str, int]:
    return {model._meta.label: rows_of(model, organization).count() for model in holdings()}


def delete(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("delete_organization", *arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_every_table_of_organizations_is_known(full: Organization):
    assert {model for model in apps.get_models() if Organization in references_of(model)} == set(holdings())
    empty = {label for label, number in counts(full).items() if not number}
    # SQLite has no triggers that keep the times of modifications.
    assert empty <= {"members.Modification"}


def test_all_of_it_goes_and_nothing_of_another_organization(full: Organization, globex: Organization, eve: Member):
    new_key(globex, by=eve.actor())
    before = counts(globex)
    answer = delete(full.public_id, "--no-export", "--yes")
    assert f"Acme ({full.public_id}) is deleted" in answer
    assert not Organization.objects.filter(pk=full.pk).exists()
    assert set(counts(full).values()) == {0}
    assert counts(globex) == before
    assert set(User.objects.values_list("email", flat=True)) == {"stella@vendor.example"}
    assert not LogEntry.objects.exists()


def test_a_login_that_another_organization_needs_stays(full: Organization, globex: Organization, ana: Member):
    globex.approved_domains.create(domain="acme.example")
    person(globex, ana.user_name, "Ana Admin")
    User.objects.create_superuser("ira@acme.example", PASSWORD)
    delete(full.public_id, "--no-export", "--yes")
    assert set(User.objects.values_list("email", flat=True)) == {
        "ana@acme.example",
        "ira@acme.example",
        "stella@vendor.example",
    }


def test_the_export_has_every_row_and_no_secret(full: Organization, tmp_path: Path):
    path = tmp_path / "acme.jsonl"
    digests = {str(digest) for digest in full.api_keys.values_list("digest", flat=True)}
    expected = {label: number for label, number in counts(full).items() if label not in DERIVED}
    delete(full.public_id, "--export", str(path), "--yes")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert not any(digest in text for digest in digests)
    head, organization, *rows, end = map(json.loads, text.splitlines())
    assert (head["type"], head["version"], head["organization_id"]) == ("export", 1, full.public_id)
    assert (organization["type"], organization["name"]) == ("organization", "Acme")
    assert end["type"] == "end"
    assert sum(end["rows"].values()) == len(rows) == sum(expected.values())
    assert {row["user_name"] for row in rows if row["type"] == "member"} >= {"ana@acme.example", "adam@acme.example"}
    key = next(row for row in rows if row["type"] == "apikey")
    assert key.keys() >= {"key_id", "description", "created_by_label"}
    assert not key.keys() & {"digest", "pepper", "form_token"}


def test_without_a_whole_export_nothing_is_deleted(full: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = counts(full)
    there = tmp_path / "there"
    there.write_text("of somebody else")
    for path in (there, tmp_path / "no" / "such" / "folder", tmp_path):
        with pytest.raises(CommandError, match="Nothing was deleted"):
            delete(full.public_id, "--export", str(path), "--yes")
    assert there.read_text() == "of somebody else"
    with pytest.raises(CommandError, match="required"):
        delete(full.public_id, "--yes")
    monkeypatch.setattr("os.fsync", disk_is_full)
    with pytest.raises(CommandError, match="No space left"):
        delete(full.public_id, "--export", str(tmp_path / "new"), "--yes")
    assert not (tmp_path / "new").exists()
    full.refresh_from_db()
    assert full.scim_enabled
    assert full.deleting_since is None
    assert counts(full) == before


def disk_is_full(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_happens_during_the_export_is_in_the_next_one(
    full: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path, fsync = tmp_path / "acme.jsonl", os.fsync
    late = iter([True])

    def somebody_comes(descriptor: int) -> None:
        fsync(descriptor)
        if next(late, False):
            person(full, "late@acme.example", "Lee Late")

    monkeypatch.setattr("os.fsync", somebody_comes)
    delete(full.public_id, "--export", str(path), "--yes")
    assert "late@acme.example" in path.read_text()


def test_an_organization_that_never_rests_is_left_alone(
    full: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "os.fsync", lambda descriptor: full.set_key_policy(key_lifetime_days=full.key_lifetime_days + 1, by=SETUP)
    )
    with pytest.raises(CommandError, match="is in use"):
        delete(full.public_id, "--export", str(tmp_path / "acme.jsonl"), "--yes")
    assert list(tmp_path.iterdir()) == []
    assert Organization.objects.get(pk=full.pk).deleting_since is None


@pytest.mark.parametrize("batch", [0, 1, 5, 12, 20])
def test_killed_half_way_it_goes_on_when_it_is_run_again(
    full: Organization, globex: Organization, eve: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
):
    monkeypatch.setattr(deletion, "AT_ONCE", 3)
    path, before = tmp_path / "acme.jsonl", counts(globex)
    delete_batch, left = deletion.delete_batch, iter(range(batch))

    def killed(*args: Any) -> int:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return delete_batch(*args)

    with monkeypatch.context() as patch:
        patch.setattr(deletion, "delete_batch", killed)
        with pytest.raises(KeyboardInterrupt):
            delete(full.public_id, "--export", str(path), "--yes")
    whole = path.read_text()
    delete(full.public_id, "--export", str(path), "--yes")
    assert path.read_text() == whole
    assert '"type": "end"' in whole
    assert not Organization.objects.filter(pk=full.pk).exists()
    assert set(counts(full).values()) == {0}
    assert counts(globex) == before


def test_from_the_beginning_on_nobody_gets_in(full: Organization, ana: Member, sign_in: SignIn):
    okta, browser = IdentityProvider(new_key(full).text), sign_in(ana)
    script = new_key(full, "api_read")
    assert okta.get("/Users").status_code == 200
    deletion.close(full, None)
    assert okta.get("/Users").status_code == 401
    headers = {"Authorization": f"Bearer {script.text}"}
    assert Client(headers=headers).get("/v1.0/members").status_code == 401
    assert browser.get(f"{ACME}/security").status_code == 403
    assert not hasattr(sign_in(ana).get("/settings/", follow=True).wsgi_request, "member")
    full.refresh_from_db()
    assert not full.scim_enabled
    assert not full.api_keys.exclude(digest=None).exists()


def test_rows_that_are_added_meanwhile_go_too(full: Organization, monkeypatch: pytest.MonkeyPatch):
    late = iter([True])
    empty = deletion.empty

    def somebody_comes(model: Any, organization: Organization) -> int:
        number = empty(model, organization)
        if model is Member and next(late, False):
            organization.approved_domains.create(domain="late.example")
        return number

    monkeypatch.setattr(deletion, "empty", somebody_comes)
    delete(full.public_id, "--no-export", "--yes")
    assert set(counts(full).values()) == {0}


def test_the_name_has_to_be_typed(full: Organization, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "acme")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        delete(full.public_id, "--no-export")
    monkeypatch.setattr("builtins.input", lambda prompt: "Acme")
    delete(full.public_id, "--no-export")
    assert not Organization.objects.filter(pk=full.pk).exists()


def test_an_unknown_id_is_said(db: None):
    with pytest.raises(CommandError, match="No organization has"):
        delete("nosuch", "--no-export", "--yes")
