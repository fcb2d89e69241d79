"""Members in the staff admin."""

import pytest
from django.test import Client

from audit.models import Action
from members.models import Member
from tests.conftest import SETUP, person, sign_in_staff
from tests.staff.conftest import page, rows, told

MEMBER = "members.Member"


def listed(admin, **query):
    return {member.user_name for member in rows(admin.get(page(MEMBER), query))}


def dialog(member, name):
    return f"{page(MEMBER, 'change', member.pk).removesuffix('change/')}{name}/"


@pytest.fixture
def everybody(acme, globex, ana, ira, emil, eve):
    emil.deactivate(by=SETUP)
    return {"ana@acme.example", "ira@acme.example", "emil@acme.example", "eve@globex.example"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"ana", "ira", "emil", "eve"}),
        ({"q": "ANA@acme.example"}, {"ana"}),
        ({"q": "item IRA"}, {"ira"}),
        ({"q": "acme.ex"}, {"ana", "ira", "emil"}),
        ({"q": "@globex"}, {"eve"}),
        ({"q": "nobody@acme.example"}, set()),
        ({"role": "Admin"}, {"ana", "eve"}),
        ({"role": "IT Admin"}, {"ira"}),
        ({"status": "active"}, {"ana", "ira", "eve"}),
        ({"status": "deactivated"}, {"emil"}),
        ({"source__exact": "manual"}, {"ana", "ira", "emil", "eve"}),
        ({"source__exact": "scim"}, set()),
        ({"q": "e", "role": "Admin", "status": "active"}, {"ana", "eve"}),
    ],
)
def test_members_are_searched_and_filtered(admin, everybody, query, found):
    assert {name.partition("@")[0] for name in listed(admin, **query)} == found


def test_members_are_filtered_by_organization_and_then_by_its_own_roles(admin, acme, everybody):
    assert listed(admin, organization__id__exact=acme.pk) == everybody - {"eve@globex.example"}
    response = admin.get(page(MEMBER), {"organization__id__exact": acme.pk})
    roles = next(spec for spec in response.context["cl"].filter_specs if spec.title == "role")
    assert [name for name, _ in roles.lookup_choices] == list(acme.roles.values_list("name", flat=True))


def test_a_whole_address_is_looked_up_and_not_searched_for(admin, acme, ana):
    person(acme, "xana@acme.example", "Xana Longer")
    assert listed(admin, q="ana@acme.example") == {"ana@acme.example"}


@pytest.fixture
def form(acme):
    return {
        "organization": acme.pk,
        "user_name": "Nia@acme.example",
        "given_name": "Nia",
        "family_name": "New",
        "role_name": "read only",
    }


def test_a_member_is_added_by_hand(admin, acme, form, events):
    response = admin.post(page(MEMBER, "add"), form)
    assert response.status_code == 302
    nia = acme.members.get()
    assert (nia.user_name, nia.full_name, nia.role.name) == ("Nia@acme.example", "Nia New", "Read Only")
    assert nia.source == Member.Source.MANUAL
    assert nia.attributes["emails"][0]["value"] == "Nia@acme.example"
    assert events() == [(Action.MEMBER_CREATED, "Nia@acme.example", {"role": "Read Only", "active": True})]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"user_name": "nia@elsewhere.example"}, "user_name", "has not approved"),
        ({"user_name": "nia"}, "user_name", "is not an e-mail address"),
        ({"user_name": "ANA@acme.example"}, "user_name", "already exists"),
        ({"role_name": "Reed Only"}, "role_name", 'Did you mean "Read Only"?'),
        ({"organization": ""}, "organization", "required"),
    ],
)
def test_what_is_wrong_with_a_new_member_is_said_beside_the_field(admin, ana, form, events, changes, field, reason):
    response = admin.post(page(MEMBER, "add"), form | changes)
    errors = response.context["adminform"].form.errors
    assert list(errors) == [field]
    assert reason in errors[field][0]
    assert Member.objects.get() == ana
    assert events() == []


def test_a_role_is_changed(admin, acme, ana, ira, events):
    response = admin.post(page(MEMBER, "change", ira.pk), {"role": acme.roles.named("Admin").pk})
    assert response.status_code == 302
    ira.refresh_from_db()
    assert ira.role.name == "Admin"
    assert events() == [(Action.MEMBER_ROLE_CHANGED, "ira@acme.example", {"role": ["IT Admin", "Admin"]})]


def test_a_form_sent_as_it_was_leaves_a_derived_role_to_the_groups(admin, acme, emil, events):
    path = page(MEMBER, "change", emil.pk)
    assert "No role was assigned, and none of their groups gives one." in admin.get(path).text
    admin.post(path, {"role": emil.role_id})
    emil.refresh_from_db()
    assert not emil.role_is_assigned
    admin.post(path, {"role": acme.roles.named("Procurement").pk})
    emil.refresh_from_db()
    assert emil.role_is_assigned
    assert "Assigned by the identity provider or by hand." in admin.get(path).text
    assert [action for action, _, _ in events()] == [Action.MEMBER_ROLE_CHANGED]


def test_only_roles_of_the_members_organization_may_be_given(admin, acme, globex, ira, events):
    choices = admin.get(page(MEMBER, "change", ira.pk)).context["adminform"].form.fields["role"].queryset
    assert set(choices) == set(acme.roles.all())
    response = admin.post(page(MEMBER, "change", ira.pk), {"role": globex.roles.named("Admin").pk})
    assert list(response.context["adminform"].form.errors) == ["role"]
    assert events() == []


def test_the_user_name_stays(admin, ira):
    data = {"role": ira.role_id, "user_name": "other@acme.example", "deactivated_at": "2026-01-01"}
    assert admin.post(page(MEMBER, "change", ira.pk), data).status_code == 302
    ira.refresh_from_db()
    assert (ira.user_name, ira.is_active) == ("ira@acme.example", True)


def test_the_last_admin_keeps_the_role(admin, acme, ana, events):
    response = admin.post(page(MEMBER, "change", ana.pk), {"role": acme.roles.named("Employee").pk})
    assert response.headers["Location"] == page(MEMBER, "change", ana.pk)
    [message] = told(response)
    assert "last active Admin" in message
    ana.refresh_from_db()
    assert ana.role.name == "Admin"
    assert events() == []


def act(admin, action, *members, **more):
    data = {"action": action, "_selected_action": [str(member.pk) for member in members]}
    return admin.post(page(MEMBER), data | more)


def test_members_are_deactivated_and_reactivated(admin, ira, emil, events):
    assert told(act(admin, "deactivate_members", ira, emil)) == ["2 members deactivated."]
    assert not Member.objects.active().exists()
    admin.cookies.pop("messages")
    assert told(act(admin, "reactivate_members", emil)) == ["emil@acme.example reactivated."]
    assert Member.objects.active().get() == emil
    assert [(action, target) for action, target, _ in events()] == [
        (Action.MEMBER_DEACTIVATED, "ira@acme.example"),
        (Action.MEMBER_DEACTIVATED, "emil@acme.example"),
        (Action.MEMBER_REACTIVATED, "emil@acme.example"),
    ]


@pytest.mark.parametrize(("action", "more"), [("deactivate_members", {}), ("delete_selected", {"post": "yes"})])
def test_nobody_goes_when_the_last_admin_is_among_them(admin, ana, ira, emil, events, action, more):
    response = act(admin, action, ira, ana, emil, **more)
    [message] = told(response)
    assert "last active Admin" in message
    assert Member.objects.active().count() == 3
    assert events() == []


def test_a_dialog_deactivates_and_reactivates_one_member(admin, ira, events):
    for name, action in (("deactivate", Action.MEMBER_DEACTIVATED), ("reactivate", Action.MEMBER_REACTIVATED)):
        shown = admin.get(page(MEMBER, "change", ira.pk)).text
        assert dialog(ira, name) in shown
        response = admin.post(dialog(ira, name), {"_form_submitted": "True"})
        assert response.headers["HX-Redirect"] == page(MEMBER, "change", ira.pk)
        assert events()[-1][0] == action


@pytest.mark.parametrize("unknown", ["not-an-id", "01999999-0000-7000-8000-000000000000"])
def test_a_dialog_about_nobody_is_not_found(admin, ira, unknown):
    path = dialog(ira, "deactivate").replace(str(ira.pk), unknown)
    assert admin.post(path, {"_form_submitted": "True"}).status_code == 404


def test_a_dialog_from_another_site_changes_nothing(stella, ira):
    client = Client(enforce_csrf_checks=True)
    sign_in_staff(client, stella)
    assert client.post(dialog(ira, "deactivate"), {"_form_submitted": "True"}).status_code == 403
    ira.refresh_from_db()
    assert ira.is_active


def test_a_dialog_tells_why_the_last_admin_stays(admin, ana, events):
    response = admin.post(dialog(ana, "deactivate"), {"_form_submitted": "True"})
    assert response.headers["HX-Redirect"] == page(MEMBER, "change", ana.pk)
    [message] = told(response)
    assert "last active Admin" in message
    ana.refresh_from_db()
    assert ana.is_active
    assert events() == []


def test_a_member_is_removed(admin, ira, events):
    assert "ira@acme.example" in admin.get(page(MEMBER, "delete", ira.pk)).text
    response = admin.post(page(MEMBER, "delete", ira.pk), {"post": "yes"})
    assert response.headers["Location"] == page(MEMBER)
    assert not Member.objects.exists()
    assert events() == [(Action.MEMBER_REMOVED, "ira@acme.example", {})]


def test_the_last_admin_is_not_removed(admin, ana, events):
    response = admin.post(page(MEMBER, "delete", ana.pk), {"post": "yes"})
    assert "last active Admin" in told(response)[0]
    assert Member.objects.get() == ana
    assert events() == []


def test_the_actor_is_who_did_it_and_from_where(admin, stella, ira):
    act(admin, "deactivate_members", ira)
    event = ira.organization.events.get(action=Action.MEMBER_DEACTIVATED)
    assert (event.actor_kind, event.actor_id, event.actor_label) == ("staff", str(stella.pk), "stella@vendor.example")
    assert (event.ip, event.user_agent) == ("203.0.113.9", "Firefox")
