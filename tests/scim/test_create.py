"""POST /Users: who is let in, and what becomes of what was sent."""

from typing import Any

import pytest

from audit.models import Action, Event
from members.models import Member, Organization, User
from tests.identity_provider import ENTERPRISE, USER, IdentityProvider, assert_error


def test_a_created_user_is_an_active_member(okta: IdentityProvider, acme: Organization, bob: dict[str, Any]) -> None:
    member = acme.members.get(pk=bob["id"])

    assert (member.user_name, member.external_id) == ("bob@acme.example", "00u1")
    assert (member.given_name, member.family_name) == ("Bob", "Builder")
    assert member.is_active
    assert member.source == Member.Source.SCIM
    assert bob["active"] is True
    assert bob["schemas"] == [USER]
    assert bob["meta"]["resourceType"] == "User"
    assert bob["meta"]["location"] == f"http://localhost/scim/v2/Users/{bob['id']}"


def test_creation_is_audited_with_the_key_and_the_address(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    event = acme.events.get(action=Action.MEMBER_CREATED, target_id=bob["id"])

    assert event.actor_kind == "api_key"
    assert event.actor_label == acme.api_keys.get().hint
    assert event.ip == "127.0.0.1"


def test_the_answer_names_its_location(okta: IdentityProvider) -> None:
    response = okta.create()

    assert response.status_code == 201
    assert response["Content-Type"] == "application/scim+json"
    assert response["Location"] == response.json()["meta"]["location"]


def test_every_attribute_sent_comes_back(okta: IdentityProvider) -> None:
    sent = {
        "nickName": "Bobby",
        "title": "Builder",
        "profileUrl": "https://acme.example/bob",
        "preferredLanguage": "de",
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "name": {"givenName": "Bob", "familyName": "Builder", "middleName": "T", "formatted": "Bob T. Builder"},
        "emails": [
            {"value": "b@home.local", "type": "home"},
            {"value": "b@acme.test", "type": "work", "primary": True},
        ],
        "phoneNumbers": [{"value": "+49 30 1", "type": "mobile"}],
        "addresses": [{"streetAddress": "Weg 1", "locality": "Berlin", "country": "DE", "type": "work"}],
        "roles": [{"value": "builder"}],
        ENTERPRISE: {"department": "Works", "employeeNumber": "7", "manager": {"value": "26118915"}},
    }
    created = okta.create(**sent).json()
    read = okta.get(f"/Users/{created['id']}").json()

    for name, value in sent.items():
        assert read[name] == value, name
    assert read["schemas"] == [USER, ENTERPRISE]


def test_a_password_is_accepted_and_thrown_away(okta: IdentityProvider) -> None:
    response = okta.create(password="correct horse battery")

    assert response.status_code == 201
    assert "password" not in response.json()
    member = Member.objects.get(user_name="bob@acme.example")
    assert "horse" not in str(vars(member))
    assert not User.objects.filter(email="bob@acme.example").exists()


def test_unknown_attributes_are_ignored(okta: IdentityProvider) -> None:
    response = okta.create(favouriteColour="blue", **{"urn:example:custom:1.0:User": {"x": 1}})

    assert response.status_code == 201
    assert "favouriteColour" not in response.json()


def test_what_only_the_server_assigns_is_ignored(okta: IdentityProvider) -> None:
    response = okta.create(id="mine", meta={"location": "elsewhere"}, groups=[{"value": "1"}])

    assert response.status_code == 201
    assert response.json()["id"] != "mine"
    assert "groups" not in response.json()


@pytest.mark.parametrize("again", ["bob@acme.example", "BOB@ACME.example"])
def test_an_active_user_name_is_taken_in_any_case(okta: IdentityProvider, bob: dict[str, Any], again: str) -> None:
    events = Event.objects.count()

    assert_error(okta.create(again), 409, "uniqueness", again)
    assert Member.objects.filter(user_name__lower="bob@acme.example").count() == 1
    assert Event.objects.count() == events


def test_the_user_name_comes_back_as_it_was_sent(okta: IdentityProvider) -> None:
    assert okta.create("Bob.Builder@Acme.Example").json()["userName"] == "Bob.Builder@Acme.Example"


def test_another_organization_may_have_the_same_person(
    okta: IdentityProvider, eves_okta: IdentityProvider, globex: Organization
) -> None:
    globex.approved_domains.create(domain="acme.example")

    mine, theirs = okta.create(), eves_okta.create()

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


def test_a_domain_that_is_not_approved_is_refused_by_name(okta: IdentityProvider) -> None:
    assert_error(okta.create("bob@evil.example"), 400, "invalidValue", "evil.example", "acme.example, example.com")


@pytest.mark.parametrize(
    "user_name", ["", "bob", "bob@", "@acme.example", "b b@acme.example", "x" * 250 + "@acme.example"]
)
def test_a_user_name_must_be_an_address(okta: IdentityProvider, user_name: str) -> None:
    assert_error(okta.create(user_name), 400, "invalidValue", "userName")


def test_a_user_name_is_required(okta: IdentityProvider) -> None:
    assert_error(okta.call("POST", "/Users", {"schemas": [USER], "displayName": "X"}), 400, "invalidValue", "userName")


def test_a_user_may_be_created_deactivated(okta: IdentityProvider) -> None:
    response = okta.create(active=False)

    assert response.json()["active"] is False
    assert not Member.objects.get(pk=response.json()["id"]).is_active


def test_active_may_be_the_word_true(okta: IdentityProvider) -> None:
    assert okta.create(active="True").json()["active"] is True


def test_schemas_may_be_left_out(okta: IdentityProvider) -> None:
    assert okta.call("POST", "/Users", {"userName": "bob@acme.example"}).status_code == 201


def test_of_two_primary_addresses_the_first_stays_so(okta: IdentityProvider) -> None:
    emails = [{"value": "a@x.test", "primary": True}, {"value": "b@x.test", "primary": "true"}]
    assert okta.create(emails=emails).json()["emails"] == [emails[0], {"value": "b@x.test", "primary": False}]


@pytest.mark.parametrize("field", ["externalId", "displayName"])
def test_what_a_column_cannot_hold_is_refused(okta: IdentityProvider, field: str) -> None:
    assert_error(okta.create(**{field: "x" * 255}), 400, "invalidValue", field)


def test_a_long_text_elsewhere_is_kept(okta: IdentityProvider) -> None:
    assert okta.create(nickName="x" * 65_000).json()["nickName"] == "x" * 65_000


def test_a_text_past_the_limit_is_refused(okta: IdentityProvider, acme: Organization) -> None:
    assert_error(okta.create(nickName="x" * 65_537), 400, "invalidValue", "65536 characters")
    assert not acme.members.exists()
