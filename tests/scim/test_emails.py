"""E-mail addresses stand in rows beside the attributes, and whoever writes the ones writes the others."""

from typing import Any

import pytest
from django.core.management import call_command

from members.models import Member, MemberEmail, Organization
from members.models.member_email import ADDRESS_LENGTH, TOO_LONG, addresses_in
from tests.conftest import SETUP, Migrate, person
from tests.identity_provider import IdentityProvider
from tests.scim.test_bulk import REQUEST, new_user

LONG = "x" * (ADDRESS_LENGTH - 7) + "@x.test"


def rows() -> list[tuple[str, str]]:
    """Return who has which address, which must be what the attributes say and the organization's own."""
    for member in Member.objects.all():
        addresses = sorted(member.email_rows.values_list("address", flat=True))
        assert addresses == sorted(addresses_in(member.attributes))
        assert not member.email_rows.exclude(organization=member.organization_id).exists()
    found = MemberEmail.objects.values_list("member__user_name", "address")
    return sorted((user_name.partition("@")[0], address) for user_name, address in found)


def emails(*values: Any) -> list[dict[str, Any]]:
    return [{"value": value, "type": "work"} for value in values]


def found(okta: IdentityProvider, value: str) -> list[str]:
    """Return who is found by an address."""
    return [user["userName"].partition("@")[0] for user in okta.list(f'emails.value eq "{value}"')]


def test_rows_follow_every_kind_of_write(okta: IdentityProvider, acme: Organization) -> None:
    bob = okta.create("bob@acme.example", emails=emails("Bob@X.test", "b@x.test")).json()["id"]
    assert rows() == [("bob", "b@x.test"), ("bob", "bob@x.test")]

    okta.patch(bob, {"op": "add", "path": "emails", "value": emails("third@x.test", "BOB@x.test")})
    assert rows() == [("bob", "b@x.test"), ("bob", "bob@x.test"), ("bob", "third@x.test")]

    okta.patch(bob, {"op": "replace", "path": 'emails[value eq "b@x.test"].value', "value": "new@x.test"})
    assert rows() == [("bob", "bob@x.test"), ("bob", "new@x.test"), ("bob", "third@x.test")]

    okta.patch(bob, {"op": "replace", "path": "title", "value": "Sir"})
    okta.patch(bob, {"op": "replace", "path": "active", "value": False})
    assert len(rows()) == 3

    okta.put(bob, emails=emails("only@x.test"))
    assert rows() == [("bob", "only@x.test")]

    okta.patch(bob, {"op": "replace", "path": "active", "value": False})
    okta.call("POST", "/Users", {"userName": "bob@acme.example", "emails": emails("back@x.test")})
    assert rows() == [("bob", "back@x.test")]

    okta.patch(bob, {"op": "remove", "path": "emails"})
    assert rows() == []

    ana = person(acme, "ana@acme.example", "Ana Admin")
    operations = [new_user(number, emails=emails(f"u{number}@x.test")) for number in range(2)]
    okta.call("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations})
    assert rows() == [("ana", "ana@acme.example"), ("user0", "u0@x.test"), ("user1", "u1@x.test")]

    ana.remove(by=SETUP)
    okta.delete(f"/Users/{acme.members.get(user_name='user0@acme.example').pk}")
    assert rows() == [("user1", "u1@x.test")]


def test_members_who_are_loaded_have_rows(acme: Organization) -> None:
    for count in (3, 5):
        call_command("load_members", acme.public_id, "--count", str(count), verbosity=0)
        assert len(rows()) == count


@pytest.mark.parametrize(
    ("stored", "sought"),
    [
        ("ZOË@x.test", "zoë@x.test"),
        ("Zoe\u0308@x.test", "ZO\u00cb@X.TEST"),
        ("\u0130rem@x.test", "\u0130rem@x.test"),
        ("not an address", "Not An Address"),
        (LONG, LONG.upper()),
        (f"y{LONG}", f"Y{LONG}"),
    ],
)
def test_addresses_are_found_in_any_case_and_spelling(okta: IdentityProvider, stored: str, sought: str) -> None:
    okta.create("bob@acme.example", emails=emails(stored, stored))
    okta.create("eve@acme.example", emails=emails("eve@x.test"))
    assert found(okta, sought) == ["bob"]
    assert (("bob", TOO_LONG) in rows()) == (len(stored) > ADDRESS_LENGTH)
    for operator, part in (("sw", sought[:9]), ("ew", sought[-5:]), ("co", sought[1:-1])):
        expected = ["bob", "eve"] if stored.endswith(".test") and operator == "ew" else ["bob"]
        asked = okta.list(f'emails.value {operator} "{part}"')
        assert [user["userName"].partition("@")[0] for user in asked] == expected
    for text in (f'emails[value eq "{sought}"]', f'emails[type eq "WORK"].value eq "{sought}"'):
        assert [user["userName"] for user in okta.list(text)] == ["bob@acme.example"]
    assert [user["userName"] for user in okta.list(f'emails.value ne "{sought}"')] == ["eve@acme.example"]
    assert okta.list(f'emails[type eq "home"].value eq "{sought}"') == []


def test_an_address_is_found_in_its_own_organization_only(
    okta: IdentityProvider, globex: Organization, eves_okta: IdentityProvider
) -> None:
    okta.create("bob@acme.example", emails=emails("shared@x.test"))
    eves_okta.create("eve@globex.example", emails=emails("shared@x.test"))
    assert found(okta, "shared@x.test") == ["bob"]
    assert found(eves_okta, "shared@x.test") == ["eve"]
    assert [user["userName"] for user in okta.list('emails[value eq "shared@x.test"]')] == ["bob@acme.example"]


@pytest.mark.django_db(transaction=True)
def test_whoever_was_there_before_gets_rows(migrate: Migrate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("members.migrations.0008_member_email.CHUNK", 2)
    old = migrate("members", "0007_key_policy")
    acme = old.get_model("members", "Organization").objects.create(name="Acme")
    role = old.get_model("members", "Role").objects.create(organization=acme, name="Employee", is_predefined=True)
    people = old.get_model("members", "Member").objects
    for number in range(5):
        people.create(
            organization=acme,
            role=role,
            user_name=f"u{number}@acme.example",
            attributes={"emails": emails(f"U{number}@x.test", f"u{number}@x.test")} if number else {},
        )

    migrate("members", "0008_member_email")

    assert rows() == [(f"u{number}", f"u{number}@x.test") for number in range(1, 5)]


@pytest.mark.django_db(transaction=True)
def test_long_addresses_that_were_there_before_are_marked(
    migrate: Migrate, acme: Organization, okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        okta.create(f"u{number}@acme.example", emails=emails(f"{number}{LONG}"))
    monkeypatch.setattr("members.migrations.0017_long_emails.CHUNK", 2)
    migrate("members", "0016_trigrams")
    MemberEmail.objects.exclude(member__user_name__startswith="u4").delete()

    migrate("members", "0017_long_emails")

    assert rows() == [(f"u{number}", TOO_LONG) for number in range(5)]
    migrate("members")
    assert [user["userName"][:2] for user in okta.list('emails.value sw "3x"')] == ["u3"]
