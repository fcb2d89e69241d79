"""What identity providers send, request by request, and the answers that they need.

`payloads/<identity provider>/<scenario>.json` tells one exchange after the vendor's documentation and field reports,
which it names as `source`, with names and addresses of our own:

    about     one sentence: what happens
    headers   what the vendor sends with every request
    before    who and what is there already: `members` (userName: role), `crowd` (a number of them), custom `roles`
    steps     each a `request` and the `response` that is needed: its `status`, a `body` that it must contain, dotted
              names that must be `absent`, an error's `scimType`. `save` keeps parts of an answer; {{name}} stands for
              them in whatever follows.
    members   everybody who came over SCIM, and how they are now
    groups    every group, and who is in it
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.conftest import SETUP, employee_role, new_key, person
from tests.identity_provider import ENTERPRISE, IdentityProvider, Response, assert_error

PAYLOADS = Path(__file__).parent / "payloads"
SCENARIOS = sorted(PAYLOADS.glob("*/*.json"))
PLACEHOLDER = re.compile(r"{{(\w+)}}")
# The dot in the version of a URN (…:enterprise:2.0:User) parts nothing.
PATH_DOT = re.compile(r"(?<!\d)\.|\.(?!\d)")

Json = dict[str, Any]


def title(scenario: Path) -> str:
    """Return the scenario's name, as in okta/push-group-patch."""
    return scenario.relative_to(PAYLOADS).with_suffix("").as_posix()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=title)
def test_an_identity_provider_is_answered_as_it_needs(acme: Organization, scenario: Path) -> None:
    recording = json.loads(scenario.read_text())
    client = IdentityProvider(new_key(acme).text)
    saved: Json = {}

    prepare(acme, **recording.get("before", {}))
    for number, step in enumerate(recording["steps"], start=1):
        answer = send(client, recording.get("headers", {}), filled(step["request"], saved))
        check(answer, filled(step["response"], saved), f"step {number} of {title(scenario)}")
        saved |= {name: at(answer.json(), path) for name, path in step.get("save", {}).items()}

    if "members" in recording:
        assert_members(acme, filled(recording["members"], saved))
    if "groups" in recording:
        assert_groups(acme, recording["groups"])


def test_one_patch_may_hold_as_many_operations_as_the_configuration_says_of_bulk(okta: IdentityProvider) -> None:
    # authentik cuts the members of a group into requests of this size, one operation each:
    # https://github.com/goauthentik/authentik/blob/main/authentik/providers/scim/clients/groups.py
    most = okta.get("/ServiceProviderConfig").json()["bulk"]["maxOperations"]
    bob = okta.create().json()["id"]
    works = okta.call("POST", "/Groups", {"displayName": "Works"}).json()["id"]

    answer = okta.patch(works, *[{"op": "add", "path": "members", "value": [{"value": bob}]}] * most, path="/Groups")

    assert answer.status_code == 204, answer.content
    assert [member["value"] for member in okta.get(f"/Groups/{works}").json()["members"]] == [bob]


def test_every_scenario_names_its_source_and_says_what_is_left() -> None:
    assert SCENARIOS
    for scenario in SCENARIOS:
        recording = json.loads(scenario.read_text())
        assert recording["about"].endswith("."), scenario
        assert recording["source"], scenario
        assert all(url.startswith("https://") for url in recording["source"]), scenario
        assert recording["steps"], scenario
        assert "members" in recording or "groups" in recording, scenario


def test_what_differs_from_the_expected_is_found() -> None:
    answer = {"id": "7", "emails": [{"value": "a", "type": "work"}], "active": True}

    assert not list(differences({"emails": [{"value": "a"}], "active": True}, answer))
    assert list(differences({"active": 1, "title": "Sir"}, answer)) == [
        "active is true, not 1",
        "title is missing",
    ]
    assert list(differences({"emails": [{"type": "home"}, {}]}, answer)) == ["emails has 1 values, not 2"]
    assert list(differences({"emails": [{"type": "home"}]}, answer)) == ['emails.0.type is "work", not "home"']


def test_a_path_leads_into_lists_and_extensions() -> None:
    answer = {"emails": [{"value": "a"}], ENTERPRISE: {"department": "Works"}}

    assert at(answer, "emails.0.value") == "a"
    assert at(answer, f"{ENTERPRISE}.department") == "Works"
    assert at(answer, f"{ENTERPRISE}.division", None) is None
    with pytest.raises(IndexError):
        at(answer, "emails.1.value")


# How a recording is played --------------------------------------------------------------------------------------------


def prepare(acme: Organization, members: dict[str, str] | None = None, crowd: int = 0, roles: tuple[str, ...] = ()):
    """Let there be custom `roles`, `members` (userName: role) added by hand, and a `crowd` of so many employees."""
    for name in roles:
        Role(organization=acme, name=name, access=everywhere(Level.NONE)).create_role(by=SETUP)
    for user_name, role in (members or {}).items():
        person(acme, user_name, user_name.partition("@")[0].capitalize(), role)
    employee = employee_role(acme)
    Member.objects.bulk_create(
        Member(organization=acme, role=employee, user_name=f"employee{number}@acme.example") for number in range(crowd)
    )


def send(client: IdentityProvider, headers: dict[str, str], request: Json) -> Response:
    """Send a step's request, under the vendor's headers and its own; an answer that comes gzipped is unpacked."""
    headers = client.headers | headers | request.get("headers", {})
    answer = client.client.generic(
        request["method"],
        client.base + request["path"],
        json.dumps(request["body"]) if "body" in request else "",
        content_type=headers.pop("Content-Type", "application/scim+json"),
        headers=headers,
        query_params=request.get("query", {}),
    )
    if answer.headers.get("Content-Encoding") == "gzip":
        answer.content = gzip.decompress(answer.content)
    return answer


def check(answer: Response, expected: Json, where: str) -> None:
    """Assert that an answer is as expected."""
    assert answer.status_code == expected["status"], f"{where}: {answer.status_code} {answer.content.decode()}"
    if "scimType" in expected:
        assert_error(answer, expected["status"], expected["scimType"])
    if answer.content:
        assert answer["Content-Type"] == "application/scim+json", where
    body = answer.json() if answer.content else {}
    found = list(differences(expected.get("body", {}), body))
    found += [f"{path} is there" for path in expected.get("absent", []) if at(body, path, None) is not None]
    assert not found, f"{where}: {'; '.join(found)} in {answer.content.decode()}"


def filled(value: Any, saved: Json) -> Any:
    """Return `value` with every {{name}} replaced; one that stands alone keeps the type of what was saved."""
    if isinstance(value, dict):
        return {name: filled(item, saved) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, saved) for item in value]
    if not isinstance(value, str):
        return value
    if alone := PLACEHOLDER.fullmatch(value):
        return saved[alone[1]]
    return PLACEHOLDER.sub(lambda found: str(saved[found[1]]), value)


def at(value: Any, path: str, *default: Any) -> Any:
    """Return what the dotted `path` leads to, or the default."""
    for name in PATH_DOT.split(path):
        try:
            value = value[int(name) if isinstance(value, list) else name]
        except (KeyError, IndexError):
            if default:
                return default[0]
            raise
    return value


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yield what of `expected` isn't in `actual`: an object may have more names, a list no more values."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, item in expected.items():
            inner = f"{path}.{name}".lstrip(".")
            if name in actual:
                yield from differences(item, actual[name], inner)
            else:
                yield f"{inner} is missing"
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path} has {len(actual)} values, not {len(expected)}"
            return
        for number, item in enumerate(expected):
            yield from differences(item, actual[number], f"{path}.{number}")
    elif json.dumps(expected) != json.dumps(actual):
        yield f"{path} is {json.dumps(actual)}, not {json.dumps(expected)}"


# What is left ---------------------------------------------------------------------------------------------------------


def assert_members(acme: Organization, expected: dict[str, Json]) -> None:
    """Assert that nobody but these came over SCIM, and that they are as expected."""
    members = {member.user_name: member for member in acme.members.select_related("role")}
    came = {name for name, member in members.items() if member.source == Member.Source.SCIM}
    assert came <= expected.keys() <= members.keys()
    now = {
        name: {
            "id": str(members[name].pk),
            "active": members[name].is_active,
            "role": members[name].role.name,
            "externalId": members[name].external_id,
        }
        for name in expected
    }
    assert not list(differences(expected, now))


def assert_groups(acme: Organization, expected: dict[str, list[str]]) -> None:
    """Assert that these are the groups and who is in them."""
    now = {group.display_name: sorted(group.members.values_list("user_name", flat=True)) for group in acme.groups.all()}
    assert now == {name: sorted(user_names) for name, user_names in expected.items()}
