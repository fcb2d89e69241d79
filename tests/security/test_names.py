"""No name breaks a line, turns the direction of a text or hides a character, through whichever door it comes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from apikeys.errors import KeyInvalid
from lib.plain_text import quoted, skeleton, unfit_character
from members.directory import DirectoryProfile, GroupProfile, RoleProfile
from members.errors import MemberError, UserNameInvalid
from members.models import Group, Member, Organization, Role, User
from members.models.organization import check_address
from tests.conftest import ACME, SETUP, new_key, person
from tests.identity_provider import IdentityProvider

pytestmark = pytest.mark.django_db

UNFIT = {
    "line feed": "\n",
    "carriage return": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "zero-width space": "\u200b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "embedding": "\u202a",
    "override": "\u202e",
    "word joiner": "\u2060",
    "isolate": "\u2066",
    "end of isolate": "\u2069",
    "byte order mark": "\ufeff",
    "tag": "\U000e0041",
}
FIT = ["Łukasz Żółć", "王小明", "شيرازی\u200cنژاد", "O’Brien-Smith, Jr.", "Zoë 👩\u200d🚀", "Non\u00a0Breaking", "नेहा"]  # noqa: RUF001 - Persian

unfit = pytest.mark.parametrize("character", UNFIT.values(), ids=UNFIT)

NAMES: list[dict[str, Any]] = [
    {"displayName": "Torii{}Security"},
    {"name": {"givenName": "Ana{}B"}},
    {"name": {"familyName": "Ad{}min"}},
    {"name": {"formatted": "Ad{}min"}},
    {"name": {"honorificPrefix": "Dr{}."}},
    {"nickName": "An{}a"},
    {"title": "Head{}of"},
    {"externalId": "00{}1"},
]


def filled(value: Any, character: str) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, character) for name, item in value.items()}
    return value.format(character)


@unfit
def test_a_directory_is_refused_each_of_a_persons_names(okta: IdentityProvider, ana: Member, character: str) -> None:
    before = Member.objects.filter(pk=ana.pk).values().get()
    for shape in NAMES:
        attributes = filled(shape, character)
        answers = [
            okta.create("new@acme.example", **attributes),
            okta.call("PUT", f"/Users/{ana.pk}", {"userName": ana.user_name, **attributes}),
            okta.patch(ana.pk, {"op": "replace", "value": attributes}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue"), shape
            assert f"U+{ord(character):04X}" in answer.json()["detail"]
            assert character not in answer.text
    assert Member.objects.filter(pk=ana.pk).values().get() == before
    assert not Member.objects.filter(user_name="new@acme.example").exists()


@unfit
def test_a_bulk_request_is_refused_it_too(okta: IdentityProvider, acme: Organization, character: str) -> None:
    def create(number: int, name: str) -> dict[str, Any]:
        data = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": f"n{number}@acme.example"}
        return {"method": "POST", "path": "/Users", "bulkId": str(number), "data": data | {"displayName": name}}

    operations = [create(1, "Nora"), create(2, f"No{character}ra"), create(3, "Nils")]
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    answer = okta.call("POST", "/Bulk", {"schemas": schemas, "Operations": operations})
    assert [operation["status"] for operation in answer.json()["Operations"]] == ["201", "400", "201"]


@unfit
def test_groups_and_roles_are_refused_it(okta: IdentityProvider, acme: Organization, character: str) -> None:
    group = okta.call("POST", "/Groups", {"displayName": "Works"}).json()["id"]
    role = okta.call("POST", "/Roles", {"displayName": "Buyer"}).json()["id"]
    operation = {"op": "replace", "path": "displayName", "value": f"Wo{character}rks"}
    for answer in (
        okta.call("POST", "/Groups", {"displayName": f"Wo{character}rks"}),
        okta.call("PUT", f"/Groups/{group}", {"displayName": f"Wo{character}rks"}),
        okta.call("PATCH", f"/Groups/{group}", {"Operations": [operation]}),
        okta.call("POST", "/Roles", {"displayName": f"Wo{character}rks"}),
        okta.call("POST", "/Roles", {"displayName": "Works", "description": f"Wo{character}rks"}),
        okta.call("PUT", f"/Roles/{role}", {"displayName": f"Wo{character}rks"}),
    ):
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")


@unfit
def test_every_verb_refuses_it(acme: Organization, character: str) -> None:
    name = f"Ac{character}me"
    verbs: list[Callable[[], Any]] = [
        lambda: Organization.objects.create_organization(name, domains=["new.example"], by=SETUP),
        lambda: acme.edit(domains=["acme.example"], name=name, by=SETUP),
        lambda: person(acme, "new@acme.example", name),
        lambda: Group.add(acme, GroupProfile(name), by=SETUP),
        lambda: Role.add(acme, RoleProfile(name), by=SETUP),
        lambda: Role(organization=acme, name=name).create_role(by=SETUP),
        lambda: new_key(acme, description=name),
        lambda: User(email="staff@acme.example", first_name=name).full_clean(exclude=["password"]),
    ]
    for verb in verbs:
        with pytest.raises((MemberError, ValidationError, KeyInvalid)):
            verb()
    with pytest.raises(CommandError):
        call_command("create_organization", name, "--domain", "new.example", "--admin", "ana@new.example")


@unfit
def test_a_form_says_so_beside_its_field(
    acme: Organization, ana: Member, sign_in: Callable[[Member], Client], character: str
) -> None:
    form = {"email": "new@acme.example", "given_name": f"No{character}ra", "family_name": "New"}
    answer = sign_in(ana).post(f"{ACME}/members/new", form | {"role": acme.roles.get(name="Employee").pk})
    assert answer.status_code == 422
    assert f"U+{ord(character):04X}" in answer.text
    assert acme.members.count() == 1


@pytest.mark.parametrize("name", FIT)
def test_names_of_all_scripts_are_taken(okta: IdentityProvider, name: str) -> None:
    answer = okta.create("new@acme.example", displayName=name, name={"givenName": name})
    assert answer.status_code == 201
    assert answer.json()["displayName"] == name


def test_an_old_name_stops_no_other_change(okta: IdentityProvider, acme: Organization, ana: Member) -> None:
    person(acme, "bea@acme.example", "Bea Boss", "Admin")
    Member.objects.filter(pk=ana.pk).update(display_name="Ana\nAdmin")
    Organization.objects.filter(pk=acme.pk).update(name="Acme\nInc")
    acme.set_key_policy(key_lifetime_days=30, by=SETUP)
    assert okta.patch(ana.pk, {"op": "replace", "path": "title", "value": "Boss"}).status_code == 200
    assert okta.patch(ana.pk, {"op": "replace", "path": "active", "value": False}).status_code == 200
    event = acme.events.filter(target_id=acme.pk).first()
    assert event is not None
    assert event.target_label == "Acme Inc"


@pytest.mark.parametrize(
    "user_name",
    [
        "\u212aira@acme.example",
        "ana@a\u017fme.example",
        "\uff41na@acme.example",
        "\ufb01na@acme.example",
        "an\u0131@acme.example",
        '"an\x01a"@acme.example',
        "ana\u200b@acme.example",
        "\u0430na@acme.example",
        "ana@acm\uff45.example",
    ],
)
def test_a_user_name_is_ascii_all_through(okta: IdentityProvider, acme: Organization, user_name: str) -> None:
    with pytest.raises(UserNameInvalid):
        check_address(user_name)
    answer = okta.create(user_name)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    profile = DirectoryProfile.of_person(user_name, "Ana", "Admin")
    with pytest.raises(UserNameInvalid):
        Member.invite(acme, profile, by=SETUP)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("\u0410dmin", "Admin"),
        ("Adm\u0456n", "Admin"),
        ("\uff21dmin", "Admin"),
        ("A d m i n", "Admin"),
        ("Adm1n", "Admin"),
        ("Adrnin", "Admin"),
        ("\u00c1dmin", "Admin"),
        ("ITAdmin", "IT Admin"),
        ("lT Admin", "IT Admin"),
        ("Read\u00a0Only", "Read Only"),
        ("Read  0nly", "Read Only"),
        ("Empl\u043eyee", "Employee"),
        ("C\u043ent\u0433acts", None),
        ("Contra\u0441ts", "Contracts"),
    ],
)
def test_a_role_that_looks_like_another_is_refused(
    okta: IdentityProvider, acme: Organization, name: str, role: str | None
) -> None:
    Role.add(acme, RoleProfile("Contracts"), by=SETUP)
    answer = okta.call("POST", "/Roles", {"displayName": name})
    if role is None:
        assert answer.status_code == 201
        return
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert f'"{role}"' in answer.json()["detail"]
    other = Role.add(acme, RoleProfile("Buyer"), by=SETUP)
    with pytest.raises(ValidationError, match="looks like"):
        other.edit(name=name, by=SETUP)


def test_a_role_may_be_spelled_anew_and_described(acme: Organization) -> None:
    role = Role.add(acme, RoleProfile("Contracts"), by=SETUP)
    role.edit(name="CONTRACTS", by=SETUP)
    role.edit(description="Looks after contracts.", by=SETUP)


def test_what_is_quoted_is_one_short_line() -> None:
    assert quoted("a\n\nb\u202ec\t d") == "a b c d"
    assert len(quoted("x" * 5000)) == 100
    assert [unfit_character(text) for text in ("\n", "a", "\u202e")] == ["U+000A", None, "U+202E"]
    assert skeleton("I\u0422 \u0410dm1n") == skeleton("IT Admin")
