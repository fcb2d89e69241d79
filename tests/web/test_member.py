"""Settings > Members > one member: adding, roles, deactivation, and who may do it to whom."""

import pytest
from django.test import Client

from audit.models import Action, Event
from members.models import Member, Organization
from outbox.models import OutgoingMail
from tests.conftest import ACME, SETUP, person
from tests.web.conftest import SignIn, text_of

NEW = f"{ACME}/members/new"


def page_of(member: Member) -> str:
    return f"{ACME}/members/{member.pk}"


def role_id(organization: Organization, name: str) -> int:
    return organization.roles.get(name=name).pk


# Adding


def added(browser: Client, organization: Organization, **fields):
    form = {"email": "nora@acme.example", "given_name": "Nora", "family_name": "New"}
    return browser.post(NEW, form | {"role": role_id(organization, "Read Only")} | fields, follow=True)


def test_an_admin_adds_a_member_by_hand(acme, ana_browser):
    answer = added(ana_browser, acme)
    nora = acme.members.get(user_name="nora@acme.example")
    assert answer.redirect_chain == [(page_of(nora), 302)]
    assert "Nora New was added." in text_of(answer)
    assert (nora.full_name, nora.role.name, nora.source) == ("Nora New", "Read Only", Member.Source.MANUAL)
    assert nora.attributes["emails"] == [{"value": "nora@acme.example", "type": "work", "primary": True}]
    event = Event.objects.get(action=Action.MEMBER_CREATED, target_id=str(nora.pk))
    assert (event.actor_label, event.changes["role"]) == ("Ana Admin", "Read Only")
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"email": "nora"}, "Write an e-mail address, as in ana@example.com."),
        ({"email": ""}, "This field is required."),
        (
            {"email": "nora@elsewhere.example"},
            "which this organization has not approved. Approved: acme.example, example.com.",
        ),
        ({"role": ""}, "Choose a role."),
        ({"role": "999999"}, "Select a valid choice."),
        ({"given_name": "x" * 255}, "at most 254 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(acme, ana_browser, fields, error):
    answer = added(ana_browser, acme, **fields)
    assert answer.status_code == 422
    assert error.replace("'", "&#x27;") in text_of(answer)
    assert 'value="New"' in answer.content.decode()
    assert acme.members.count() == 1


def test_an_address_that_is_taken_leads_to_whoever_has_it(acme, ana_browser, emil):
    answer = added(ana_browser, acme, email="EMIL@acme.example")
    assert answer.status_code == 422
    assert "already exists in this organization" in text_of(answer)
    assert f'<a href="{page_of(emil)}">Open the page of <bdi>Emil Employee</bdi></a>' in answer.content.decode()
    assert acme.members.count() == 2


def test_an_address_says_nothing_of_who_has_it_elsewhere(acme, ana_browser, eve):
    answer = added(ana_browser, acme, email=eve.user_name)
    assert answer.status_code == 422
    assert "Open the page of" not in text_of(answer)
    assert "Eve" not in text_of(answer)


def test_an_address_taken_in_another_organization_is_free_here(acme, ana_browser, globex, eve):
    globex.approved_domains.create(domain="acme.example")
    person(globex, "nora@acme.example", "Nora Globex")
    assert added(ana_browser, acme).status_code == 200
    assert acme.members.filter(user_name="nora@acme.example").exists()


def test_with_scim_on_the_form_says_that_the_directory_may_overwrite(acme, ana_browser):
    assert "may overwrite what you enter, and no activation e-mail is sent" in text_of(ana_browser.get(NEW))
    acme.disable_scim(by=SETUP)
    assert "overwrite" not in text_of(ana_browser.get(NEW))


# Looking


def test_the_page_says_what_is_known_of_a_member(ana_browser, ira):
    words = text_of(ana_browser.get(page_of(ira)))
    assert "ira@acme.example" in words
    assert "Source Added by hand" in words
    assert f"Created {ira.created_at.day} {ira.created_at:%b %Y, %H:%M} (UTC)" in words
    assert "SCIM is on: your identity provider may overwrite what you change here." in words


def test_a_name_is_shown_as_text(acme, ana_browser):
    member = person(acme, "x@acme.example", "<script>alert(1)</script> X", "Read Only")
    for path in (page_of(member), f"{ACME}/members", f"{page_of(member)}/deactivation"):
        page = ana_browser.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


# Roles


def test_an_admin_gives_a_member_another_role(acme, ana_browser, ira):
    answer = ana_browser.post(f"{page_of(ira)}/role", {"role": role_id(acme, "Procurement")}, follow=True)
    assert answer.redirect_chain == [(page_of(ira), 302)]
    assert "Ira Item now has the role Procurement." in text_of(answer)
    ira.refresh_from_db()
    assert ira.role.name == "Procurement"
    event = Event.objects.get(action=Action.MEMBER_ROLE_CHANGED)
    assert (event.changes, event.actor_label) == ({"role": ["IT Admin", "Procurement"]}, "Ana Admin")


def test_the_last_admin_cannot_be_demoted_and_is_told_why_beside_the_field(acme, ana, ana_browser):
    answer = ana_browser.post(f"{page_of(ana)}/role", {"role": role_id(acme, "Read Only")})
    assert answer.status_code == 422
    assert "last active Admin" in text_of(answer)
    assert f'<option value="{role_id(acme, "Read Only")}" selected>Read Only</option>' in answer.content.decode()
    ana.refresh_from_db()
    assert ana.role.is_admin
    assert not Event.objects.filter(action=Action.MEMBER_ROLE_CHANGED).exists()


def test_an_unknown_role_is_refused(acme, ana_browser, ira, globex):
    for role in ("", "999999", role_id(globex, "Admin")):
        answer = ana_browser.post(f"{page_of(ira)}/role", {"role": role})
        assert answer.status_code == 422
    ira.refresh_from_db()
    assert ira.role.name == "IT Admin"


def test_whoever_becomes_an_employee_can_be_given_a_role_again(acme, ana_browser, ira):
    answer = ana_browser.post(f"{page_of(ira)}/role", {"role": role_id(acme, "Employee")}, follow=True)
    assert "Ira Item is an Employee, so they are in the list of Employees and not among the members." in text_of(answer)
    ana_browser.post(f"{page_of(ira)}/role", {"role": role_id(acme, "IT Admin")})
    ira.refresh_from_db()
    assert ira.role.name == "IT Admin"


def test_coming_back_from_the_sign_in_page_changes_nothing(ana_browser, ira):
    assert "Give Ira Item a role" in text_of(ana_browser.get(f"{page_of(ira)}/role"))
    ira.refresh_from_db()
    assert ira.role.name == "IT Admin"
    assert not Event.objects.filter(action=Action.MEMBER_ROLE_CHANGED).exists()


# Nobody gives or takes what they don't have


def test_an_it_admin_looks_after_members_with_less_access(acme, ira, emil, rita, sign_in: SignIn):
    browser = sign_in(ira)
    assert browser.post(f"{page_of(emil)}/role", {"role": role_id(acme, "Procurement")}).status_code == 302
    assert browser.post(f"{page_of(rita)}/deactivation").status_code == 302
    emil.refresh_from_db()
    rita.refresh_from_db()
    assert (emil.role.name, rita.is_active) == ("Procurement", False)


def test_an_it_admin_cannot_make_an_admin_of_anybody(acme, ira, emil, sign_in: SignIn):
    browser = sign_in(ira)
    admin = role_id(acme, "Admin")
    for member in (ira, emil):
        assert f'value="{admin}"' not in browser.get(page_of(member)).content.decode()
        assert browser.post(f"{page_of(member)}/role", {"role": admin}).status_code == 422
        member.refresh_from_db()
        assert not member.role.is_admin
    assert added(browser, acme, role=admin).status_code == 422
    assert not acme.members.filter(user_name="nora@acme.example").exists()


def test_an_it_admin_cannot_touch_an_admin(acme, ana, ira, sign_in: SignIn):
    person(acme, "second@acme.example", "Second Admin", "Admin")
    browser = sign_in(ira)
    assert "The role Admin gives more access than yours, IT Admin" in text_of(browser.get(page_of(ana)))
    assert browser.post(f"{page_of(ana)}/role", {"role": role_id(acme, "Employee")}).status_code == 403
    answer = browser.post(f"{page_of(ana)}/deactivation")
    assert answer.status_code == 403
    assert "gives more access than Ira Item has: nobody gives or takes more than they have." in text_of(answer)
    ana.refresh_from_db()
    assert (ana.is_active, ana.role.name) == (True, "Admin")


def test_an_it_admin_cannot_give_a_custom_role_with_more_than_their_own(acme, ira, emil, sign_in: SignIn):
    acme.roles.create(name="Role keeper", access={"roles": "act"})
    keeper = role_id(acme, "Role keeper")
    assert sign_in(ira).post(f"{page_of(emil)}/role", {"role": keeper}).status_code == 422
    emil.refresh_from_db()
    assert emil.role.is_employee


# Deactivation and reactivation


def test_deactivating_asks_first(ana_browser, ira):
    words = text_of(ana_browser.get(f"{page_of(ira)}/deactivation"))
    assert "Deactivate Ira Item?" in words
    assert "This is you" not in words
    ira.refresh_from_db()
    assert ira.is_active


def test_a_confirmed_deactivation_throws_the_member_out_at_once(ana_browser, ira, sign_in: SignIn):
    theirs = sign_in(ira)
    assert theirs.get(f"{ACME}/members").status_code == 200
    answer = ana_browser.post(f"{page_of(ira)}/deactivation", follow=True)
    assert answer.redirect_chain == [(page_of(ira), 302)]
    assert "Ira Item was deactivated." in text_of(answer)
    assert "Reactivate member" in text_of(answer)
    ira.refresh_from_db()
    assert not ira.is_active
    assert Event.objects.get(action=Action.MEMBER_DEACTIVATED).actor_label == "Ana Admin"
    assert theirs.get(f"{ACME}/members").status_code == 403


def test_the_last_admin_cannot_be_deactivated_and_is_told_why_in_the_dialog(ana, ana_browser):
    assert "This is you" in text_of(ana_browser.get(f"{page_of(ana)}/deactivation"))
    answer = ana_browser.post(f"{page_of(ana)}/deactivation", headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "last active Admin" in text_of(answer)
    assert 'id="panel"' in answer.content.decode()
    ana.refresh_from_db()
    assert ana.is_active
    assert not Event.objects.filter(action=Action.MEMBER_DEACTIVATED).exists()


def test_a_deactivated_member_is_let_in_again_with_the_role_they_had(ana_browser, ira):
    ira.deactivate(by=SETUP)
    words = text_of(ana_browser.get(f"{page_of(ira)}/reactivation"))
    assert "Reactivate Ira Item?" in words
    answer = ana_browser.post(f"{page_of(ira)}/reactivation", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == page_of(ira)
    ira.refresh_from_db()
    assert (ira.is_active, ira.role.name) == (True, "IT Admin")
    assert Event.objects.get(action=Action.MEMBER_REACTIVATED).actor_label == "Ana Admin"
