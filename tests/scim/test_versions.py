"""ETags: who writes on an old copy is told, who has the newest copy is spared another."""

from collections.abc import Callable
from typing import Any

import pytest

from members.models import Group, Member, Organization, Role
from members.models.scope import Level, everywhere
from tests.conftest import SETUP
from tests.identity_provider import USER, IdentityProvider, assert_error

Bob = dict[str, Any]


@pytest.fixture
def works(okta: IdentityProvider, bob: Bob) -> Bob:
    """A group with Bob in it."""
    return okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": bob["id"]}]}).json()


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Roles"])
def test_a_resource_has_one_version_wherever_it_is_read(okta: IdentityProvider, works: Bob, path: str) -> None:
    listed = okta.list(path=path)[0]
    response = okta.get(f"{path}/{listed['id']}")

    assert response["ETag"] == response.json()["meta"]["version"] == listed["meta"]["version"]
    assert response["ETag"].startswith('W/"')
    found = okta.list(f'id eq "{listed["id"]}"', path=path, attributes="meta.version")
    assert found[0]["meta"]["version"] == response["ETag"]


def test_every_write_answers_with_the_version_that_is_read_next(okta: IdentityProvider) -> None:
    created = okta.create()
    path = f"/Users/{created.json()['id']}"
    put = okta.call("PUT", path, {"userName": "bob@acme.example", "title": "Sir"})
    read = okta.get(path)
    patched = okta.patch(created.json()["id"], {"op": "replace", "path": "title", "value": "Lord"})

    assert created["ETag"] == created.json()["meta"]["version"]
    assert put["ETag"] == read["ETag"]
    assert len({created["ETag"], put["ETag"], patched["ETag"]}) == 3


def test_a_change_of_nothing_keeps_the_version(okta: IdentityProvider, bob: Bob) -> None:
    patched = okta.patch(bob["id"], {"op": "replace", "path": "displayName", "value": "Bob Builder"})
    assert patched["ETag"] == bob["meta"]["version"]


def test_the_version_tells_of_what_is_derived_too(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    def version() -> str:
        return str(okta.get(f"/Users/{bob['id']}")["ETag"])

    role = Role(organization=acme, name="Buyer", access=everywhere(Level.NONE))
    role.create_role(by=SETUP)
    Member.objects.get(pk=bob["id"]).change_role(role, by=SETUP)
    seen = [version()]
    role.edit(by=SETUP, name="Head Buyer")
    seen.append(version())
    group = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": bob["id"]}]}).json()
    seen.append(version())
    okta.patch(group["id"], {"op": "replace", "path": "displayName", "value": "Plant"}, path="/Groups")
    seen.append(version())
    okta.delete(f"/Groups/{group['id']}")
    assert len(set(seen)) == 4
    assert version() == seen[1]


def test_a_groups_version_tells_of_its_members(okta: IdentityProvider, bob: Bob, works: Bob) -> None:
    emptied = okta.patch(works["id"], {"op": "remove", "path": "members"}, path="/Groups")

    assert emptied["ETag"] != works["meta"]["version"]
    assert okta.get(f"/Groups/{works['id']}", excludedAttributes="members")["ETag"] == emptied["ETag"]


@pytest.mark.parametrize("form", ["{}", "{} ", '"other", {}', "*", "{strong}"])
def test_who_has_the_newest_copy_gets_304_without_a_body(okta: IdentityProvider, bob: Bob, form: str) -> None:
    tag = bob["meta"]["version"]
    header = form.replace("{strong}", tag.removeprefix("W/")).replace("{}", tag)

    response = okta.call("GET", f"/Users/{bob['id']}", headers={"If-None-Match": header})

    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)


def test_who_has_an_old_copy_gets_the_new_one(okta: IdentityProvider, bob: Bob) -> None:
    okta.patch(bob["id"], {"op": "replace", "path": "title", "value": "Sir"})

    response = okta.call("GET", f"/Users/{bob['id']}", headers={"If-None-Match": bob["meta"]["version"]})

    assert response.status_code == 200
    assert response.json()["title"] == "Sir"


def write(okta: IdentityProvider, method: str, path: str, version: str) -> Any:
    """Change a resource on condition that it has `version`."""
    patch = {"Operations": [{"op": "replace", "path": "displayName", "value": "New"}]}
    body = {"PUT": {"userName": "bob@acme.example", "displayName": "New"}, "PATCH": patch}.get(method)
    return okta.call(method, path, body, headers={"If-Match": version})


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_a_write_on_an_old_copy_is_a_412_and_changes_nothing(
    okta: IdentityProvider, bob: Bob, works: Bob, method: str, path: str
) -> None:
    address = f"{path}/{(bob if path == '/Users' else works)['id']}"
    old = okta.get(address)["ETag"]
    okta.call("PATCH", address, {"Operations": [{"op": "replace", "path": "externalId", "value": "x9"}]})
    before = okta.get(address).json()

    assert_error(write(okta, method, address, old), 412, "", "read it again")
    assert okta.get(address).json() == before
    assert write(okta, method, address, before["meta"]["version"]).status_code in (200, 204)


def test_any_version_will_do_where_the_resource_only_has_to_exist(okta: IdentityProvider, bob: Bob) -> None:
    assert write(okta, "PATCH", f"/Users/{bob['id']}", "*").status_code == 200
    assert_error(write(okta, "PATCH", "/Users/00000000-0000-7000-8000-000000000000", "*"), 404)
    path = f"/Users/{bob['id']}"
    put = okta.call("PUT", path, {"schemas": [USER], "userName": "bob@acme.example"}, headers={"If-None-Match": "*"})
    assert_error(put, 412, "", "If-None-Match")


def test_a_version_costs_nothing_where_nobody_asks(
    okta: IdentityProvider, works: Bob, django_assert_num_queries: Callable[..., Any]
) -> None:
    okta.get("/Groups")
    with django_assert_num_queries(2):  # the key with its organization, the row
        okta.get(f"/Groups/{works['id']}", excludedAttributes="members")
    assert Group.objects.get().memberships.count() == 1
