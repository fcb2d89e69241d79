"""Keys are told of, never their text; a deleted one is gone."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from apikeys.models import ApiKey
from audit.actor import Origin
from members.models import Member, Organization
from members.models.scope import Level, everywhere
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, new_key

NOON = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)


def test_a_key_is_told_of_without_its_text(reader: Script, acme: Organization, ana: Member, today: dt.date) -> None:
    expires_on = today + dt.timedelta(days=90)
    key = new_key(
        acme,
        "api_write",
        description="Nightly",
        by=ana.actor(),
        expires_on=expires_on,
        allowed_networks=["127.0.0.0/8"],
    )
    Script(key.text).call("GET", "members", headers={"User-Agent": "nightly"})

    response = reader.get(f"api-keys/{key.api_key.key_id}")

    row = ApiKey.objects.get(pk=key.api_key.pk)
    assert response.json() == {
        "key_id": row.key_id,
        "hint": row.hint,
        "type": "api_write",
        "description": "Nightly",
        "status": "live",
        "waits_for_scim": False,
        "allowed_networks": ["127.0.0.0/8"],
        "access": everywhere(Level.ACT),
        "replaces": None,
        "rotation": None,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "created_by": "Ana Admin",
        "expires_on": expires_on.isoformat(),
        "expires_at": f"{expires_on.isoformat()}T00:00:00Z",
        "first_used_at": row.first_used_at.isoformat().replace("+00:00", "Z"),  # type: ignore[union-attr]
        "last_used_at": row.last_used_at.isoformat().replace("+00:00", "Z"),  # type: ignore[union-attr]
        "last_used_ip": "127.0.0.1",
        "last_used_user_agent": "nightly",
    }
    assert key.text not in response.content.decode()
    assert str(row.digest) not in response.content.decode()


def test_the_newest_comes_first_and_says_what_it_replaces(script: Script, acme: Organization) -> None:
    old = new_key(acme, description="Old").api_key
    new = old.rotate(description="New", expires_on=None, by=SETUP).api_key

    keys = script.results("api-keys")

    assert [key["description"] for key in keys] == ["New", "Old", "Script"]
    assert [key["type"] for key in keys] == ["scim", "scim", "api_write"]
    assert keys[0]["replaces"] == old.key_id
    assert script.read(f"api-keys/{new.key_id}") == keys[0]


def test_an_old_key_says_how_its_rotation_stands(script: Script, acme: Organization) -> None:
    old = new_key(acme, description="Old").api_key
    new = old.rotate(description="New", expires_on=None, by=SETUP, delete_when_silent=True).api_key
    used, taken_over = NOON - dt.timedelta(hours=5), NOON - dt.timedelta(hours=4)
    stages = []
    for api_key, moment in ((None, NOON), (old, used), (new, taken_over)):
        if api_key is not None:
            api_key.record_use(Origin(), moment)
        with time_machine.travel(NOON, tick=False):
            stages.append(script.read(f"api-keys/{old.key_id}")["rotation"])
            listed = {key["key_id"]: key["rotation"] for key in script.results("api-keys")}
        assert listed[old.key_id] == stages[-1]
        assert listed[new.key_id] is None
    assert [stage["stage"] for stage in stages] == ["safe", "unused", "silent"]
    safe_at = (taken_over + dt.timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    assert stages[-1] == {"stage": "silent", "replaced_by": new.key_id, "safe_at": safe_at, "deleted_at": safe_at}


def test_expired_keys_are_listed_and_deleted_ones_are_not(script: Script, acme: Organization, today: dt.date) -> None:
    soon = new_key(acme, description="Soon", expires_on=today + dt.timedelta(days=9)).api_key
    gone = new_key(acme, description="Gone").api_key
    expired = new_key(acme, description="Expired", expires_on=today + dt.timedelta(days=1)).api_key
    # No code changes when a key expires, so the clock does.
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(days=2)):
        gone.delete_key(by=SETUP)
        statuses = {key["description"]: key["status"] for key in script.results("api-keys")}
    assert statuses == {"Expired": "expired", "Soon": "expires_soon", "Script": "live"}
    assert_problem(script.get(f"api-keys/{gone.key_id}"), 404, "not_found")
    assert script.read(f"api-keys/{expired.key_id}")["description"] == "Expired"
    assert script.read(f"api-keys/{soon.key_id}")["status"] == "expires_soon"


@pytest.mark.parametrize(
    "key_id", ["abcdefgh", "ABCDEFGH", "x", "abcdefgh%00", "%F0%28%8C%BC", "abcdefgh ", "a" * 5000]
)
def test_what_is_no_key_id_is_a_404(script: Script, key_id: str) -> None:
    assert_problem(script.get(f"/v1.0/api-keys/{key_id}"), 404, "not_found")


def test_the_list_costs_the_same_however_long_it_is(
    script: Script, acme: Organization, today: dt.date, django_assert_num_queries: Any
) -> None:
    script.get("api-keys")

    def spent() -> int:
        with django_assert_num_queries(4):
            return len(script.results("api-keys"))

    new_key(acme, expires_on=today + dt.timedelta(days=9)).api_key.rotate(
        description="x", expires_on=today + dt.timedelta(days=60), by=SETUP
    )
    assert spent() == 3
    for _ in range(10):
        new_key(acme, expires_on=today + dt.timedelta(days=9))
    assert spent() == 13
