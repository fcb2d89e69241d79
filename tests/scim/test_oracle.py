"""What is generated from the schema means to the API what it means to scim2-models, which keeps everything in memory.

The reference takes any name, and we refuse those that break a line, turn or hide text. So the names that are generated
have none of that; all other texts, and what filters look for, may have anything.

ORACLE_EXAMPLES sets how many examples each test tries; unset, they are few and always the same.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import ValidationError
from scim2_models import Context, InvalidFilterException, PatchOp, Path, Resource, SCIMException, ScimFilter

from members.models import Member
from members.models.role import PREDEFINED
from scim.schemas import ENTERPRISE_URN, PATCH_URN, POLICY, USER_URN, FullUser, Group, Role
from tests.identity_provider import IdentityProvider, Response, assert_error
from tests.scim import generators as gen

Document = dict[str, Any]

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "0"))


def oracle(few: int) -> settings:
    """Return the settings of a test that usually tries `few` examples."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def no_limits(settings: Any, ana: Member) -> None:
    """No rate limit; and Ana is an Admin, so that whoever is generated need not stay one."""
    settings.KEY_RATE_LIMIT = 0


@contextmanager
def forgotten() -> Iterator[None]:
    """Undo in the end what the block does to the database: the next example starts afresh."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def create(okta: IdentityProvider, user: Document, name: str = "bob") -> Document:
    """POST `user` and return what GET says of them."""
    response = okta.call("POST", "/Users", user | {"userName": f"{name}@acme.example"})
    assert response.status_code == 201, response.content
    document = okta.get(f"/Users/{response.json()['id']}").json()
    assert document == response.json()
    return document


# Filters ------------------------------------------------------------------------------------------------------------


def expected(model: type[Resource[Any]], documents: list[Document], text: str) -> set[str] | None:
    """Return the ids of what meets a filter, None if it is refused; an empty array is no value (RFC 7643 §2.5)."""
    try:
        reference = ScimFilter[model](text)  # type: ignore[valid-type]
    except InvalidFilterException:
        return None
    filled = [{name: value for name, value in document.items() if value != []} for document in documents]
    resources = [model.model_validate(document, scim_policy=POLICY) for document in filled]
    return {str(resource.id) for resource in resources if reference.match(resource)}


def assert_same(response: Response, ids: set[str] | None, text: str) -> None:
    """Assert that a list holds the resources with these ids, or is refused if there are no ids to compare."""
    if ids is None:
        assert_error(response, 400, "invalidFilter")
    else:
        assert response.status_code == 200, (text, response.content)
        assert {resource["id"] for resource in response.json()["Resources"]} == ids, text


@oracle(few=25)
@given(data=st.data(), people=st.lists(gen.users(), min_size=1, max_size=3))
def test_a_filter_finds_the_users_whom_the_reference_finds(
    okta: IdentityProvider, data: st.DataObject, people: list[Document]
) -> None:
    with forgotten():
        documents = [create(okta, user, f"bob{number}") for number, user in enumerate(people)]
        members = [{"value": document["id"]} for document in documents[:2]]
        okta.call("POST", "/Groups", {"displayName": data.draw(gen.indexed_names) + "x", "members": members})
        documents = okta.list()
        for text in data.draw(st.lists(gen.user_filters(documents), min_size=10, max_size=20)):
            assert_same(okta.get("/Users", filter=text), expected(FullUser, documents, text), text)


@oracle(few=20)
@given(data=st.data(), people=st.lists(gen.users(), min_size=1, max_size=3), names=st.lists(gen.indexed_names))
def test_a_filter_finds_the_groups_that_the_reference_finds(
    okta: IdentityProvider, data: st.DataObject, people: list[Document], names: list[str]
) -> None:
    # The members' names are sent only to those who ask for them.
    everything = ",".join(attribute.path for attribute in gen.flattened(gen.GROUP_ATTRIBUTES))
    with forgotten():
        ids = [create(okta, user, f"bob{number}")["id"] for number, user in enumerate(people)]
        for name in names:
            group = {"displayName": f"{name}x", "externalId": data.draw(gen.indexed_names)}
            members = [{"value": member} for member in data.draw(st.lists(st.sampled_from(ids), unique=True))]
            assert okta.call("POST", "/Groups", group | {"members": members}).status_code == 201
        documents = okta.list(path="/Groups", attributes=everything)
        for text in data.draw(st.lists(gen.group_filters(documents), min_size=10, max_size=20)):
            assert_same(okta.get("/Groups", filter=text), expected(Group, documents, text), text)


@oracle(few=20)
@given(data=st.data(), words=st.lists(gen.indexed_names, max_size=3))
def test_a_filter_finds_the_roles_that_the_reference_finds(
    okta: IdentityProvider, data: st.DataObject, words: list[str]
) -> None:
    with forgotten():
        for number, word in enumerate(words):
            role = {"displayName": f"Role {number}", "description": word, "externalId": data.draw(gen.indexed_names)}
            assert okta.call("POST", "/Roles", role).status_code == 201
        documents = okta.list(path="/Roles")
        for text in data.draw(st.lists(gen.role_filters(documents), min_size=10, max_size=20)):
            assert_same(okta.get("/Roles", filter=text), expected(Role, documents, text), text)


# Resources ----------------------------------------------------------------------------------------------------------

# An empty string in one of these stands for nothing.
COLUMNS = ("externalId", "displayName")
NAME_COLUMNS = ("givenName", "familyName")


def as_given_back(document: Document) -> Document:
    """Return what of a user is to be expected in an answer: all but what only we assign, passwords and emptiness."""
    given = kept(document, gen.USER_ATTRIBUTES)
    for name in COLUMNS:
        if given.get(name) == "":
            del given[name]
    names = {key: value for key, value in given.pop("name", {}).items() if value or key not in NAME_COLUMNS}
    given |= {"name": names} if names else {}
    return given | {"schemas": [USER_URN, *([ENTERPRISE_URN] if ENTERPRISE_URN in given else [])]}


def kept(document: Document, attributes: tuple[gen.Attribute, ...]) -> Document:
    """Return the writable attributes of `document` that hold a value (RFC 7643 §2.5)."""
    found: Document = {}
    for attribute in attributes:
        value: Any = document.get(attribute.path if attribute.is_extension else attribute.name)
        if attribute.read_only or attribute.path in ("password", "schemas"):
            continue
        if attribute.many:
            value = [entry for item in value or [] if (entry := kept(item, attribute.parts))]
        elif attribute.parts:
            value = kept(value or {}, attribute.parts)
        if value not in (None, [], {}):
            found[attribute.path if attribute.is_extension else attribute.name] = canonical(attribute, value)
    return found


def canonical(attribute: gen.Attribute, value: Any) -> Any:
    """Return a value as the schema spells it, where it names the values (RFC 7643 §7)."""
    if attribute.path == "userType":
        return next(role for role in PREDEFINED if role.lower() == value.lower())
    if isinstance(value, str) and issubclass(attribute.kind, StrEnum):
        return str(attribute.kind(value))
    return value


def assert_given_back(document: Document, sent: Document) -> None:
    """Assert that `document` says what was sent, and what we add to it."""
    assigned = {name: document.get(name) for name in ("id", "meta", "groups") if name in document}
    assert document == sent | assigned
    assert assigned["id"]
    assert assigned["meta"]


@oracle(few=30)
@given(data=st.data(), first=gen.users(), second=gen.users())
def test_a_user_is_given_back_as_sent_and_put_twice_is_put_once(
    okta: IdentityProvider, data: st.DataObject, first: Document, second: Document
) -> None:
    with forgotten():
        user = create(okta, data.draw(gen.respelled(first)))
        path = f"/Users/{user['id']}"
        defaults = {"userName": "bob@acme.example", "active": True, "userType": "Employee"}
        assert_given_back(user, defaults | as_given_back(first))

        body = data.draw(gen.respelled(second))
        response = okta.call("PUT", path, body)
        assert response.status_code == 200, response.content
        once = okta.get(path)
        unspoken = {name: user[name] for name in ("userName", "active", "userType")}
        assert_given_back(once.json(), unspoken | as_given_back(second))
        assert response.json() == once.json()

        assert okta.call("PUT", path, body).status_code == 200
        assert okta.get(path).content == once.content


# PATCH --------------------------------------------------------------------------------------------------------------


# A path into every value of an attribute.
INTO_VALUES = re.compile(
    r"(?:.*:)?(emails|phoneNumbers|addresses|ims|photos|entitlements|roles|x509Certificates)\.\w+", re.IGNORECASE
)


def patched(document: Document, operations: list[Document]) -> Document | None:
    """Return what a PATCH makes of `document`, None if it is refused: by the reference, or by a rule of the product."""
    user = FullUser.model_validate(document, scim_policy=POLICY)
    try:
        patches = [patch_of(operations), *[patch_of([operation]) for operation in operations]]
        for patch, operation in zip(patches[1:], operations, strict=True):
            if lacks_values(user, operation):
                return None
            patch.patch(user, scim_policy=POLICY)
    except (SCIMException, ValidationError):
        return None
    after = user.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    # A userName that can't be updated doesn't keep access from ending.
    if after["userName"].lower() != document["userName"].lower() and after.get("active") is not False:
        return None
    role = (after.get("userType") or "").strip().lower() or "employee"
    if role not in map(str.lower, PREDEFINED):
        return None
    return after | {
        "userName": document["userName"],
        "userType": role,
        "active": after.get("active", document["active"]),
    }


def patch_of(operations: list[Document]) -> PatchOp[FullUser]:
    """Return the PATCH as the reference reads it. Raises ValidationError."""
    body = {"schemas": [PATCH_URN], "Operations": operations}
    return PatchOp[FullUser].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)


def lacks_values(user: FullUser, operation: Document) -> bool:
    """Whether an operation is to write into every value of an attribute that has none.

    The reference does nothing then, and we say so.
    """
    found = INTO_VALUES.fullmatch(str(operation.get("path") or "").strip())
    return found is not None and operation["op"].lower() != "remove" and Path[FullUser](found[0]).get(user) is None


def last_word_on_active(operations: list[Document]) -> Any:
    """Return the boolean that the last operation on `active` sets it to, None if there is none."""
    said = [
        str(value).strip().lower()
        for operation in operations
        if str(operation["op"]).lower() in ("add", "replace")
        for path, value in written(operation)
        if path.lower() in ("active", f"{USER_URN}:active".lower())
    ]
    return {"false": False, "true": True}.get(said[-1]) if said else None


def written(operation: Document) -> list[tuple[str, Any]]:
    """Return the paths that an operation without a filter writes, and the values."""
    path, value = str(operation.get("path") or "").strip(), operation.get("value")
    if path and path.lower() != USER_URN.lower():
        return [(path, value)]
    return list(value.items()) if isinstance(value, dict) else []


@oracle(few=60)
@given(data=st.data(), user=gen.users())
def test_a_patch_does_what_the_reference_does_or_nothing(
    okta: IdentityProvider, data: st.DataObject, user: Document
) -> None:
    with forgotten():
        document = create(okta, user)
        path = f"/Users/{document['id']}"
        okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": document["id"]}]})
        before = okta.get(path)
        operations = data.draw(gen.patches(before.json()))
        after = patched(before.json(), operations)

        response = okta.patch(document["id"], *operations)

        if after is None and last_word_on_active(operations) is False:
            # What ends access never fails because of something else: that alone is done (test_end_of_access.py).
            assert response.status_code == 200, response.content
            found = okta.get(path).json()
            assert found | {"meta": None} == before.json() | {"active": False, "meta": None}
            return
        if after is None:
            assert_error(response, 400, response.json().get("scimType", "missing"))
            assert okta.get(path).content == before.content
            return
        assert response.status_code == 200, response.content
        found = okta.get(path).json()
        assert found == response.json()
        assert_given_back(found, as_given_back(after))
        assert found["groups"] == before.json()["groups"]


def patched_group(document: Document, operations: list[Document]) -> Document | None:
    """Return the names and the members' ids that a PATCH leaves to a group, None if it is refused."""
    group = Group.model_validate(document, scim_policy=POLICY)
    body = {"schemas": [PATCH_URN], "Operations": operations}
    try:
        patch = PatchOp[Group].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
        patch.patch(group, scim_policy=POLICY)
    except (SCIMException, ValidationError):
        return None
    return said_of(group.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


def said_of(group: Document) -> Document:
    """Return what of a group can be changed; space around its name means nothing."""
    return {
        "displayName": group["displayName"].strip(),
        "externalId": group.get("externalId"),
        "members": {member["value"] for member in group.get("members", [])},
    }


@oracle(few=30)
@given(data=st.data())
def test_a_patch_of_a_group_does_what_the_reference_does_or_nothing(
    okta: IdentityProvider, data: st.DataObject
) -> None:
    with forgotten():
        ids = [create(okta, {"schemas": [USER_URN]}, f"bob{number}")["id"] for number in range(3)]
        members = [{"value": member} for member in data.draw(st.lists(st.sampled_from(ids), unique=True))]
        group = okta.call("POST", "/Groups", {"displayName": "Works", "externalId": "g1", "members": members}).json()
        path = f"/Groups/{group['id']}"
        before = okta.get(path)
        assert before.json() == group
        operations = data.draw(gen.group_patches(ids))
        after = patched_group(group, operations)

        response = okta.patch(group["id"], *operations, path="/Groups")

        if after is None:
            assert_error(response, 400, response.json().get("scimType", "missing"))
            assert okta.get(path).content == before.content
            return
        assert response.status_code in (200, 204), response.content
        assert said_of(okta.get(path).json()) == after
