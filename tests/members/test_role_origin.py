"""A member's page tells where a derived role comes from, and changing it there ends that."""

from collections.abc import Callable

from django.test import Client

from members.models import Member, Organization
from tests.conftest import ACME, SETUP
from tests.members.conftest import NewGroup, push, role_of
from tests.web.conftest import text_of

SignIn = Callable[[Member], Client]
ENDS = "Once you change it here, their groups no longer decide it."


def words(browser: Client, member: Member) -> str:
    """Return what the page of `member` says."""
    return text_of(browser.get(f"{ACME}/members/{member.pk}"))


def test_it_names_the_group_or_groups(ana: Member, bob: Member, group: NewGroup, sign_in: SignIn) -> None:
    browser = sign_in(ana)
    assert f"No role was assigned, and none of their groups gives one. {ENDS}" in words(browser, bob)

    engineering = group("Engineering", "IT Admin", bob)
    group("Auditors", "Read Only", bob)
    assert f"From the group “Engineering”. {ENDS}" in words(browser, bob)
    group("Operations", "IT Admin", bob)
    assert "From the groups “Engineering” and “Operations”." in words(browser, bob)
    push(engineering, remove={bob})
    assert "From the group “Operations”." in words(browser, bob)


def test_it_tells_so_to_who_may_only_look(
    acme: Organization, ira: Member, bob: Member, group: NewGroup, sign_in: SignIn
) -> None:
    ira.change_role(acme.roles.get(name="Read Only"), by=SETUP)
    group("Engineering", "IT Admin", bob)

    page = words(sign_in(ira), bob)

    assert "Role IT Admin From the group “Engineering”." in page
    assert ENDS not in page


def test_a_groups_name_is_shown_as_text(ana: Member, bob: Member, group: NewGroup, sign_in: SignIn) -> None:
    group("<b>Bold</b>", "IT Admin", bob)
    answer = sign_in(ana).get(f"{ACME}/members/{bob.pk}")
    assert "“&lt;b&gt;Bold&lt;/b&gt;”" in answer.content.decode()


def test_of_an_assigned_role_nothing_is_said(ana: Member, ira: Member, group: NewGroup, sign_in: SignIn) -> None:
    group("Engineering", "IT Admin", ira)
    page = words(sign_in(ana), ira)
    assert "Engineering" not in page
    assert ENDS not in page


def test_changing_it_there_assigns_it_even_to_the_same(
    acme: Organization, ana: Member, bob: Member, group: NewGroup, sign_in: SignIn
) -> None:
    engineering = group("Engineering", "IT Admin", bob)
    browser = sign_in(ana)

    browser.post(f"{ACME}/members/{bob.pk}/role", {"role": acme.roles.get(name="IT Admin").pk})
    engineering.remove(by=SETUP)

    assert role_of(bob) == ("IT Admin", True)
    assert ENDS not in words(browser, bob)


def test_somebody_added_by_hand_has_an_assigned_role(acme: Organization, ana: Member, sign_in: SignIn) -> None:
    role = acme.roles.get(name="Employee").pk
    sign_in(ana).post(f"{ACME}/members/new", {"email": "nora@acme.example", "role": role})
    assert role_of(acme.members.get(user_name="nora@acme.example")) == ("Employee", True)
