"""Every operation is called with what the schema allows and with what it doesn't; the answers are held against it.

schemathesis makes the calls from the document that the application serves, and runs all its checks: no 5xx, only the
documented statuses, media types, headers and shapes, nothing accepted that the schema forbids, nothing refused that it
allows, no way in without a key, 405 with the right `Allow`.

`API_FUZZ_EXAMPLES=500` makes more calls of each operation; the tests' own run always makes the same ones.
"""

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.db import connection
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from apikeys.models import NewKey
from apikeys.secret import KeyText
from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.application import application
from tests.conftest import SETUP, new_key
from tests.identity_provider import IdentityProvider

CONFIG = {
    "seed": 1,
    "suppress-health-check": ["all"],
    "generation": {
        "mode": "all",
        # The key is sent below, so a header that was left out on purpose would be there again. `ignored_auth` makes its
        # own calls without a key, and with a wrong one.
        "with-security-parameters": False,
        "deterministic": True,
        "database": "none",
        "max-examples": int(os.environ.get("API_FUZZ_EXAMPLES", "25")),
    },
}

# What the schema can't know: which roles an organization has, which cursors were given out, that a checksum is right.
KNOWN_ONLY_HERE = {"unknown_role", "invalid_cursor", "malformed_key"}

schema = schemathesis.openapi.from_wsgi("/v1.0/schema", application, config=SchemathesisConfig.from_dict(CONFIG))


@pytest.fixture
def key(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    acme: Organization,
    ana: Member,
    ira: Member,
    emil: Member,
    okta: IdentityProvider,
) -> NewKey:
    """A read-write key of an organization that has something of everything.

    While it is there the application uses the test's connection, and its transaction, as with Django's test client.
    """
    settings.KEY_RATE_LIMIT = settings.BAD_KEY_LIMIT = 0
    members = [{"value": str(ira.pk)}, {"value": str(emil.pk)}]
    okta.call("POST", "/Groups", {"displayName": "Works", "members": members})
    okta.create("zoe@acme.example", externalId="00uZ", name={"familyName": "Öztürk"}, active=False)
    Role(organization=acme, name="Contracts", access=everywhere(Level.READ)).create_role(by=SETUP)
    acme.groups.get().give_role(acme.roles.get(name="IT Admin"), by=SETUP)
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    return new_key(acme, "api_write")


def make_real(case: Any, acme: Organization) -> None:
    """Let three in four ids, roles and keys be those of something that there is, unless they are to be wrong."""
    ids = {
        "member_id": acme.members.values_list("pk", flat=True),
        "role_id": acme.roles.values_list("public_id", flat=True),
        "group_id": acme.groups.values_list("pk", flat=True),
        "event_id": acme.events.values_list("pk", flat=True),
        "key_id": acme.api_keys.values_list("key_id", flat=True),
    }
    wrong_path = case.meta.is_negative_at(ParameterLocation.PATH)
    for name, text in ({} if wrong_path else case.path_parameters or {}).items():
        if hash_of(text) % 4:
            case.path_parameters[name] = str(ids[name][hash_of(text) % len(ids[name])])
    for place in (case.query, case.body) if case.meta.generation.mode.is_positive else ():
        if isinstance(place, dict) and isinstance(place.get("role"), str) and hash_of(place["role"]) % 4:
            place["role"] = ("Admin", "it admin", "EMPLOYEE", "Contracts")[hash_of(place["role"]) % 4]
        if isinstance(place, dict) and isinstance(place.get("key"), str) and hash_of(place["key"]) % 4:
            place["key"] = KeyText.generate("scim").text


def hash_of(text: Any) -> int:
    """Return a number that is the same in every run."""
    return sum(str(text).encode())


CALLS: Counter[str] = Counter()


@schema.parametrize()
def test_the_api_keeps_what_its_schema_promises(case: Any, key: NewKey) -> None:
    make_real(case, key.api_key.organization)
    headers = {"Authorization": f"Bearer {key.text}"}
    response = case.call(headers=headers)
    CALLS[f"{response.request.method} {response.status_code}"] += 1

    spared = []
    if response.status_code == 400 and response.json()["code"] in KNOWN_ONLY_HERE:
        spared = [check for check in CHECKS.get_all() if check.__name__ == "positive_data_acceptance"]
    case.validate_response(response, headers=headers, excluded_checks=spared)
    assert response.status_code != 500


@pytest.fixture(scope="module", autouse=True)
def figures() -> Any:
    """Say at the end what was answered how often (`pytest -s`)."""
    yield
    print(f"\n{sum(CALLS.values())} calls: {dict(sorted(CALLS.items()))}")  # noqa: T201 - it is for whoever asks
