"""What is taken as it is, because it is plain, becomes what the resource models would make of it."""

from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from scim2_models import Context

from members.models import Member
from scim import plain
from scim.adapters import MemberAdapter, dumped
from scim.leniency import conform
from scim.plain import plain_changes, plain_user
from scim.schemas import ENTERPRISE_URN, PATCH_URN, POLICY, USER_URN, FullUser
from tests.identity_provider import IdentityProvider

Document = dict[str, Any]

EXAMPLES = settings(max_examples=150, derandomize=True, database=None, deadline=None)
texts = st.text("aÄ €,\n1", min_size=1, max_size=5)


def some_of(values: dict[str, st.SearchStrategy[Any]], least: int = 1) -> st.SearchStrategy[Document]:
    """Return objects with some of these attributes, at least so many of them, in any order."""
    return (
        st.permutations(sorted(values))
        .flatmap(lambda names: st.integers(least, len(names)).map(lambda number: names[:number]))
        .flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in names}))
    )


def entries(types: set[str]) -> st.SearchStrategy[Any]:
    """Return values of an attribute that has several."""
    parts = {"display": texts, "type": st.sampled_from(sorted(types)), "primary": st.just(False)}
    entry = st.builds(lambda value, rest: {"value": value} | rest, texts, some_of(parts, 0))
    return st.lists(entry, min_size=1, max_size=3).flatmap(
        lambda found: st.sampled_from([None, *range(len(found))]).map(
            lambda first: [item | ({"primary": True} if number == first else {}) for number, item in enumerate(found)]
        )
    )


ATTRIBUTES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys([*plain.STRINGS, "userType"], texts),
    **{name: entries(types) for name, types in plain.ENTRY_TYPES.items()},
    "name": some_of(dict.fromkeys(plain.NAME_PARTS, texts)),
    "active": st.booleans(),
    ENTERPRISE_URN: some_of(dict.fromkeys(plain.ENTERPRISE, texts)),
}


def as_a_user(attributes: Document) -> Document:
    """Return attributes as a User."""
    extension = [ENTERPRISE_URN] if ENTERPRISE_URN in attributes else []
    return {"schemas": [USER_URN, *extension], "userName": "bob@acme.example"} | attributes


@EXAMPLES
@given(some_of(ATTRIBUTES, 0).map(as_a_user))
def test_the_models_would_change_nothing_in_a_plain_user(user: Document) -> None:
    model = FullUser.model_validate(
        conform(deepcopy(user), FullUser), scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
    )
    expected = dumped(model) | ({"userType": model.user_type} if model.user_type else {})
    assert plain_user(user) == expected


# As strings, so that what pytest calls the tests is short and the same in every process.
@pytest.mark.parametrize(
    "attributes",
    [
        {"title": ""},
        {"title": None},
        {"title": 1},
        {"Title": "Director"},
        {"userType": None},
        {"userType": ""},
        {"active": "true"},
        {"active": None},
        {"name": {}},
        {"name": "Bob"},
        {"name": {"givenName": None}},
        {"name": {"nickName": "Bob"}},
        {"emails": []},
        {"emails": "bob@acme.example"},
        {"emails": ["bob@acme.example"]},
        {"emails": [{"type": "work"}]},
        {"emails": [{"value": "b", "type": "private"}]},
        {"emails": [{"value": "b", "primary": "true"}]},
        {"emails": [{"value": "b", "primary": True}, {"value": "c", "primary": True}]},
        {"emails": [{"value": "b", "$ref": "c"}]},
        {"phoneNumbers": {"value": "1"}},
        {"password": "secret"},
        {"id": "1"},
        {"meta": {}},
        {"groups": []},
        {"roles": [{"value": "Admin"}]},
        {"profileUrl": "https://acme.example"},
        {"addresses": [{"country": "DE"}]},
        {"schemas": []},
        {"schemas": [USER_URN, ENTERPRISE_URN]},
        {"schemas": [USER_URN.lower()]},
        {"schemas": USER_URN},
        {ENTERPRISE_URN: {"manager": {"value": "1"}}},
        {ENTERPRISE_URN: {"department": ""}},
        {ENTERPRISE_URN: {"department": "Sales"}, "schemas": [USER_URN]},
        {"department": "Sales"},
        {f"{USER_URN}:title": "Director"},
    ],
    ids=str,
)
def test_what_the_models_judge_or_mend_is_left_to_them(attributes: Document) -> None:
    assert plain_user(as_a_user({"title": "Engineer"})) is not None
    assert plain_user(as_a_user(attributes)) is None


def test_a_user_without_a_user_name_is_left_to_the_models() -> None:
    assert plain_user({"schemas": [USER_URN], "active": True}) is None


# A PATCH --------------------------------------------------------------------------------------------------------------

OPS = ("add", "replace", "Replace", "ADD")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(plain.PATHS, texts),
    "active": st.sampled_from([True, False, "True", "False", "true", "false"]),
}
with_path = st.sampled_from(sorted(VALUES)).flatmap(
    lambda path: st.fixed_dictionaries({"op": st.sampled_from(OPS), "path": st.just(path), "value": VALUES[path]})
)
without_path = st.fixed_dictionaries({"op": st.sampled_from(OPS), "value": some_of(VALUES)})


@pytest.fixture
def bob(okta: IdentityProvider) -> str:
    """Return the id of a member who has a little of everything."""
    user: Document = {"userName": "bob@acme.example", "title": "Engineer", "emails": [{"value": "b@home.example"}]}
    user |= {"name": {"givenName": "Bob", "middleName": "B."}, "roles": [{"value": "IT Admin"}]}
    user |= {"schemas": [USER_URN, ENTERPRISE_URN], ENTERPRISE_URN: {"manager": {"value": "1"}, "division": "North"}}
    response = okta.call("POST", "/Users", user)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


@settings(EXAMPLES, suppress_health_check=list(HealthCheck))
@given(operations=st.lists(with_path | without_path, min_size=1, max_size=4))
def test_a_plain_patch_makes_of_a_member_what_the_models_make(rf: Any, bob: str, operations: list[Document]) -> None:
    member = Member.objects.select_related("role", "organization").get(pk=bob)
    request = rf.get("/scim/v2/Users")
    request.organization = member.organization
    document = {"schemas": [PATCH_URN], "Operations": operations}
    assert plain_changes(document) is not None
    taken = MemberAdapter(member, request=request).handle_operations(deepcopy(document))
    with patch("scim.adapters.plain_changes", return_value=None):
        validated = MemberAdapter(member, request=request).handle_operations(deepcopy(document))
    assert taken == validated


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "title"},
        {"op": "move", "path": "title", "value": "x"},
        {"op": "replace", "path": "title", "value": ""},
        {"op": "replace", "path": "title", "value": None},
        {"op": "replace", "path": "title", "value": 1},
        {"op": "replace", "path": "title"},
        {"op": "replace", "path": "TITLE", "value": "x"},
        {"op": "replace", "path": "userName", "value": "x"},
        {"op": "replace", "path": "userType", "value": "Admin"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "name", "value": {"givenName": "x"}},
        {"op": "replace", "path": "active", "value": "yes"},
        {"op": "replace", "path": "active", "value": 0},
        {"op": "replace", "path": "emails", "value": "x"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "x"},
        {"op": "replace", "path": "roles", "value": []},
        {"op": "replace", "path": f"{USER_URN}:title", "value": "x"},
        {"op": "replace", "path": "", "value": {"title": "x"}},
        {"op": "replace", "path": None, "value": {"title": "x"}},
        {"op": "replace", "value": {}},
        {"op": "replace", "value": "x"},
        {"op": "replace", "value": {"title": "x", "userType": "Admin"}},
        {"op": ["replace"], "path": "title", "value": "x"},
        {"Op": "replace", "path": "title", "value": "x"},
        {"op": "replace", "path": "title", "value": "x", "more": 1},
    ],
    ids=str,
)
def test_what_the_models_judge_in_a_patch_is_left_to_them(operation: Document) -> None:
    plainly = {"op": "replace", "path": "title", "value": "Director"}
    assert plain_changes({"schemas": [PATCH_URN], "Operations": [plainly]}) == [("title", "", "Director")]
    assert plain_changes({"schemas": [PATCH_URN], "Operations": [plainly, operation]}) is None


@pytest.mark.parametrize(
    "schemas", [[], [USER_URN], PATCH_URN, [PATCH_URN, PATCH_URN], [PATCH_URN.upper()], None], ids=str
)
def test_a_patch_by_another_name_is_left_to_the_models(schemas: Any) -> None:
    operations = [{"op": "replace", "path": "title", "value": "Director"}]
    assert plain_changes({"schemas": schemas, "Operations": operations}) is None
    assert plain_changes({"schemas": [PATCH_URN], "Operations": operations, "more": 1}) is None
