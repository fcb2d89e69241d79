"""Users whom one bulk request creates are added together, and nobody can tell, but for the time it takes."""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, strategies as st

from audit.models import Action
from members.models import Member, Organization, Role, batch
from scim.views import bulk
from tests.conftest import SETUP, employee_role, new_key, person
from tests.identity_provider import ENTERPRISE, GROUP, PATCH_OP, USER, IdentityProvider, Response
from tests.racing import at_once
from tests.scim.test_bulk import REQUEST, new_user, results, statuses
from tests.scim.test_oracle import forgotten, oracle

Json = dict[str, Any]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
VERSION = re.compile(r'W/\\"[\w=-]+\\"')
TIMES = ("created_at", "updated_at", "deactivated_at", "sessions_ended_at")


@pytest.fixture(autouse=True)
def no_limits(settings: Any, ana: Member) -> None:
    """No rate limit; and Ana is an Admin, so that nobody else need stay one."""
    settings.KEY_RATE_LIMIT = 0


def send(okta: IdentityProvider, operations: list[Any], **rest: Any) -> Response:
    """POST a bulk request."""
    return okta.call("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations} | rest)


# What is generated ----------------------------------------------------------------------------------------------------

# Few names, so that they meet: new ones, Dora who is deactivated, Ana who is active, each in another case too.
USER_NAMES = st.sampled_from([f"user{number}@acme.example" for number in range(4)]) | st.sampled_from(
    ["USER1@acme.example", "dora@acme.example", "Dora@ACME.example", "ana@acme.example"]
)
BULK_IDS = st.sampled_from([f"b{number}" for number in range(8)])
REFERENCES = BULK_IDS.map(lambda bulk_id: f"bulkId:{bulk_id}")
MANAGERS = REFERENCES.map(lambda reference: {ENTERPRISE: {"department": "IT", "manager": {"value": reference}}})
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "active": st.sampled_from([True, False, "False", None]),
        "userType": st.sampled_from(["", "procurement", " Buyer ", "Équipe", None]),
        "title": st.sampled_from(["Sir", "", None]),
        "schemas": st.sampled_from([[USER], [USER, ENTERPRISE]]),
        "emails": st.just([{"value": "a@acme.example", "type": "work", "primary": True}]),
        "name": st.sampled_from([{"givenName": "Una", "formatted": "Una U."}, {}, None]),
    },
)
FLAWS = st.sampled_from(
    [
        {"userName": "eve@else.example"},
        {"userName": "nobody"},
        {"userName": None},
        {"userName": f"{'x' * 250}@acme.example"},
        {"userType": "Emperor"},
        {"userType": "ÉQUIPE"},
        {"active": "perhaps"},
        {"emails": "x"},
        {"schemas": [GROUP]},
        {"externalId": "x" * 255},
        {"roles": [{"value": "IT Admin"}]},
        {"nickName": "bulkId:b0"},
    ]
)


@st.composite
def posts(draw: st.DrawFn) -> Json:
    """Draw the operation that creates a user: in one of four there is something about it."""
    data: Json = {"userName": draw(USER_NAMES)} | draw(ATTRIBUTES)
    if draw(st.integers(0, 3)) == 0:
        data.update(draw(st.one_of(FLAWS, MANAGERS)))
    path = draw(st.sampled_from(["/Users", "users/"]))
    return {"method": "POST", "path": path, "bulkId": draw(BULK_IDS), "data": data}


@st.composite
def others(draw: st.DrawFn) -> Json:
    """Draw an operation of another kind, on what the request creates."""
    path = f"/Users/{draw(REFERENCES)}"
    patch = {"op": "replace", "path": "active", "value": draw(st.booleans())}
    members = [{"value": reference} for reference in draw(st.lists(REFERENCES, max_size=3))]
    return draw(
        st.sampled_from(
            [
                {"method": "PATCH", "path": path, "data": {"schemas": [PATCH_OP], "Operations": [patch]}},
                {"method": "PUT", "path": path, "data": {"userName": "user1@acme.example", "title": "Lead"}},
                {"method": "DELETE", "path": path},
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": members}},
                {"method": "GET", "path": path},
            ]
        )
    )


OPERATIONS = st.lists(posts() | posts() | posts() | posts() | others(), min_size=2, max_size=12)


def normalized(value: Any) -> Any:
    """Return `value` without what no two runs share: ids are numbered as they appear, versions are all alike."""
    numbers: dict[str, str] = {}
    text = UUID.sub(lambda found: numbers.setdefault(found[0], f"id{len(numbers)}"), json.dumps(value))
    return json.loads(VERSION.sub("version", text))


def outcome(okta: IdentityProvider, acme: Organization, operations: list[Any], rest: Json) -> Json:
    """Return what a bulk request answers and leaves behind, in the order in which it came to be; then undo it."""
    with forgotten():
        response = send(okta, operations, **rest)
        members = [
            {name: value is not None if name in TIMES else str(value) for name, value in row.items()}
            for row in acme.members.order_by("id").values()
        ]
        events = acme.events.order_by("id").values("action", "actor_id", "target_type", "target_label", "target_id")
        changes = acme.events.order_by("id").values_list("changes", flat=True)
        groups = acme.groups.order_by("id").values_list("display_name", "memberships__member__user_name")
        state = {
            "response": [response.status_code, response.json()],
            "members": members,
            "events": list(zip(events, changes, strict=True)),
            "groups": sorted(map(str, groups)),
        }
    return normalized(state)


@oracle(few=50)
@given(operations=OPERATIONS, allowed=st.sampled_from([None, None, None, 0, 1, 3]), size=st.sampled_from([2, 3, 200]))
def test_a_batch_does_what_its_operations_do_one_by_one(
    okta: IdentityProvider, acme: Organization, operations: list[Any], allowed: int | None, size: int
) -> None:
    rest = {} if allowed is None else {"failOnErrors": allowed}
    with forgotten(), pytest.MonkeyPatch.context() as patch:
        for name in ("Buyer", "Équipe"):
            Role(organization=acme, name=name, access=employee_role(acme).access).create_role(by=SETUP)
        person(acme, "dora@acme.example", "Dora Doe").deactivate(by=SETUP)

        patch.setattr("lib.request_id.new", lambda: "alike")
        patch.setattr(bulk, "BATCH", size)
        together = outcome(okta, acme, operations, rest)
        patch.setattr(bulk, "BATCH", 1)
        assert together == outcome(okta, acme, operations, rest)


# What a batch is ------------------------------------------------------------------------------------------------------


# Outside a transaction, as requests are: in one, each side record would have a savepoint.
@pytest.mark.django_db(transaction=True)
def test_a_hundred_users_cost_the_queries_of_a_few(
    okta: IdentityProvider, acme: Organization, django_assert_num_queries: Callable[..., Any]
) -> None:
    operations = [new_user(number, userType="procurement") for number in range(100)]
    with django_assert_num_queries(14):
        response = send(okta, operations)

    assert statuses(response) == ["201"] * 100
    assert acme.members.filter(source=Member.Source.SCIM, role__name="Procurement").count() == 100
    assert acme.events.filter(action=Action.MEMBER_CREATED, actor_kind="api_key").count() == 100
    for result in results(response)[::25]:
        assert okta.get(f"/Users/{result['location'].rpartition('/')[2]}")["ETag"] == result["version"]


def test_large_requests_are_cut_into_batches(
    okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)
    with django_assert_max_num_queries(100) as queries:
        assert statuses(send(okta, [new_user(number) for number in range(10)])) == ["201"] * 10

    assert sum('INSERT INTO "members_member"' in query["sql"] for query in queries) == 3


def test_what_a_reference_becomes_is_held_against_the_limits_too(okta: IdentityProvider, settings: Any) -> None:
    settings.SCIM_STRING_LIMIT = 60
    long = {"nickName": f"bulkId:u0/{'x' * 40}"}

    assert statuses(send(okta, [new_user(0), new_user(1, **long), new_user(2, **long)])) == ["201", "400", "400"]


def test_users_are_listed_in_the_order_of_the_request(okta: IdentityProvider, acme: Organization) -> None:
    names = [f"user{number}" for number in (3, 1, 2)]
    send(okta, [new_user(name.removeprefix("user")) for name in names])

    assert [user["userName"].partition("@")[0] for user in okta.list('userName sw "user"')] == names
    events = acme.events.filter(action=Action.MEMBER_CREATED, actor_kind="api_key").order_by("id")
    assert [event.target_label.partition("@")[0] for event in events] == names


def test_a_member_is_reactivated_between_those_who_are_created(okta: IdentityProvider, acme: Organization) -> None:
    dora = person(acme, "dora@acme.example", "Dora Doe")
    dora.deactivate(by=SETUP)
    operations = [new_user(number) for number in range(6)]
    operations[3]["data"]["userName"] = "DORA@acme.example"

    answers = results(send(okta, operations))

    assert [answer["status"] for answer in answers] == ["201"] * 6
    assert answers[3]["location"].endswith(f"/Users/{dora.pk}")
    actions = [event.action for event in acme.events.order_by("id") if event.actor_kind == "api_key"]
    created = [Action.MEMBER_CREATED]
    assert actions == [*created * 3, Action.MEMBER_UPDATED, Action.MEMBER_REACTIVATED, *created * 2]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return a function that lets something happen between a batch's look at who is there and its insertion."""

    def let(happen: Callable[[], Any]) -> None:
        def looked(*args: Any) -> Any:
            found = look(*args)
            happen()
            return found

        look = batch.stretches
        monkeypatch.setattr(batch, "stretches", looked)

    return let


def created(acme: Organization) -> list[str]:
    """Return the userNames, but Ana's, that the log says were created, which must be those of the members."""
    names = acme.members.exclude(user_name="ana@acme.example").values_list("user_name", flat=True)
    logged = acme.events.filter(action=Action.MEMBER_CREATED).exclude(target_label="ana@acme.example")
    assert sorted(names) == sorted(logged.values_list("target_label", flat=True))
    return sorted(names)


@pytest.mark.django_db(transaction=True)
def test_whom_somebody_else_adds_meanwhile_is_a_409(
    okta: IdentityProvider, acme: Organization, between: Callable[[Callable[[], Any]], None]
) -> None:
    between(lambda: person(acme, "USER1@acme.example", "Una Usher"))

    assert statuses(send(okta, [new_user(number) for number in range(3)])) == ["201", "409", "201"]
    assert created(acme) == ["USER1@acme.example", "user0@acme.example", "user2@acme.example"]


@pytest.mark.django_db(transaction=True)
def test_a_role_that_is_deleted_meanwhile_is_unknown(
    okta: IdentityProvider, acme: Organization, between: Callable[[Callable[[], Any]], None]
) -> None:
    buyer = Role(organization=acme, name="Buyer", access=employee_role(acme).access)
    buyer.create_role(by=SETUP)
    between(lambda: buyer.delete_role(by=SETUP))

    assert statuses(send(okta, [new_user(0), new_user(1, userType="Buyer"), new_user(2)])) == ["201", "400", "201"]
    assert created(acme) == ["user0@acme.example", "user2@acme.example"]


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_add_everybody_once(acme: Organization) -> None:
    key = new_key(acme).text
    for round_ in range(3):
        names = [f"r{round_}n{number}" for number in range(40)]
        orders = [names, names[::-1], names[1::2] + names[::2], names[20:] + names[:20]]

        answers = at_once(
            *(partial(send, IdentityProvider(key), [new_user(name) for name in order]) for order in orders)
        )

        outcomes = [
            (name, status)
            for order, answer in zip(orders, answers, strict=True)
            for name, status in zip(order, statuses(answer), strict=True)
        ]
        assert Counter(outcomes) == Counter({(name, "201"): 1 for name in names}) + Counter(
            {(name, "409"): 3 for name in names}
        )
        assert acme.members.filter(user_name__startswith=f"userr{round_}n").count() == len(names)
        assert acme.events.filter(target_label__startswith=f"userr{round_}n").count() == len(names)
