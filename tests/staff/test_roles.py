"""Roles in the staff admin."""

import re

import pytest

from audit.models import Action
from members.directory import GroupProfile
from members.models import Group, Level, Role, Scope
from members.models.scope import everywhere
from tests.conftest import SETUP, person
from tests.staff.conftest import page, rows, told

ROLE = "members.Role"


@pytest.fixture
def manager(acme):
    role = Role(organization=acme, name="Contract Manager", access=everywhere(Level.READ))
    role.create_role(by=SETUP)
    return role


def form(**changes):
    """Return what a browser sends of the form of a role."""
    levels = {f"level_{scope.value}": "none" for scope in Scope}
    return {"name": "Contract Manager", "description": "", **levels, **changes}


def stored(role):
    return Role.objects.filter(pk=role.pk).values("name", "description", "access").first()


def test_roles_are_found_by_name_and_organization(admin, acme, globex, manager):
    assert rows(admin.get(page(ROLE), {"q": "contract"})) == [manager]
    assert {role.organization for role in rows(admin.get(page(ROLE), {"q": "globex"}))} == {globex}


def test_roles_are_filtered_by_organization_and_by_whether_they_are_predefined(admin, acme, globex, manager):
    listed = rows(admin.get(page(ROLE), {"organization__id__exact": acme.pk, "is_predefined__exact": "0"}))
    assert listed == [manager]
    assert len(rows(admin.get(page(ROLE), {"organization__id__exact": globex.pk}))) == 5


def test_a_custom_role_is_added_with_a_level_for_every_scope(admin, acme, events):
    data = form(organization=acme.pk, level_members="act", level_security="read")
    response = admin.post(page(ROLE, "add"), data)
    assert response.status_code == 302
    role = acme.roles.get(name="Contract Manager")
    assert role.access == everywhere(Level.NONE) | {"members": "act", "security": "read"}
    assert not role.is_predefined
    assert events() == [(Action.ROLE_CREATED, "Contract Manager", {"access": role.access})]


@pytest.mark.parametrize("view", ["add", "change"])
@pytest.mark.parametrize("scope", ["security", "api_access"])
def test_a_level_that_is_for_admins_alone_is_refused_beside_its_field(admin, acme, manager, events, view, scope):
    before = stored(manager)
    pk = manager.pk if view == "change" else None
    data = form(organization=acme.pk, name="Manager of all", **{f"level_{scope}": "act"})
    response = admin.post(page(ROLE, view, pk), data)
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert list(errors) == [f"level_{scope}"]
    assert "Only the Admin role may act in" in errors[f"level_{scope}"][0]
    assert stored(manager) == before
    assert acme.roles.count() == 6
    assert events() == []


@pytest.mark.parametrize("name", ["admin", "Contract manager"])
def test_a_name_that_is_taken_is_refused_beside_its_field(admin, acme, manager, name):
    other = Role(organization=acme, name="Other", access=everywhere(Level.NONE))
    other.create_role(by=SETUP)
    for path in (page(ROLE, "add"), page(ROLE, "change", other.pk)):
        response = admin.post(path, form(organization=acme.pk, name=name))
        assert list(response.context["adminform"].form.errors) == ["name"]
    assert acme.roles.count() == 7


def test_a_custom_role_is_changed(admin, manager, events):
    data = form(name="Contracts", description="Looks after contracts.", level_roles="read")
    response = admin.post(page(ROLE, "change", manager.pk), data)
    assert response.status_code == 302
    access = everywhere(Level.NONE) | {"roles": "read"}
    assert stored(manager) == {"name": "Contracts", "description": "Looks after contracts.", "access": access}
    changes = {
        "name": ["Contract Manager", "Contracts"],
        "description": ["", "Looks after contracts."],
        "access": [everywhere(Level.READ), access],
    }
    assert events() == [(Action.ROLE_UPDATED, "Contracts", changes)]


def test_a_form_sent_as_it_was_changes_nothing(admin, manager, events):
    levels = {f"level_{scope.value}": "read" for scope in Scope}
    assert admin.post(page(ROLE, "change", manager.pk), form(**levels)).status_code == 302
    assert events() == []


def test_the_form_shows_the_levels_there_are(admin, manager):
    fields = admin.get(page(ROLE, "change", manager.pk)).context["adminform"].form
    assert {fields[f"level_{scope.value}"].initial for scope in Scope} == {"read"}


def test_a_role_stays_in_its_organization(admin, manager, globex):
    admin.post(page(ROLE, "change", manager.pk), form(organization=globex.pk))
    manager.refresh_from_db()
    assert manager.organization.name == "Acme"


@pytest.mark.parametrize("name", ["Admin", "Employee"])
def test_a_predefined_role_is_only_looked_at(admin, acme, events, name):
    role = acme.roles.named(name)
    before = stored(role)
    shown = admin.get(page(ROLE, "change", role.pk))
    assert shown.status_code == 200
    assert 'name="name"' not in shown.text
    assert "Delete role" not in shown.text
    assert admin.post(page(ROLE, "change", role.pk), form(name="Hacked")).status_code == 403
    assert admin.post(page(ROLE, "delete", role.pk), {"post": "yes"}).status_code == 403
    assert stored(role) == before
    assert events() == []


def test_the_levels_of_a_predefined_role_are_shown(admin, acme):
    shown = admin.get(page(ROLE, "change", acme.roles.named("IT Admin").pk)).text
    assert "Members: Act" in shown
    assert "Security: Read" in shown


def test_a_role_that_nobody_has_is_deleted(admin, manager, events):
    response = admin.post(page(ROLE, "delete", manager.pk), {"post": "yes"})
    assert response.headers["Location"] == page(ROLE)
    assert stored(manager) is None
    assert events() == [(Action.ROLE_DELETED, "Contract Manager", {})]


def test_a_role_in_use_is_not_deleted_and_says_who_has_it(admin, acme, manager, events):
    person(acme, "carla@acme.example", "Carla Conti", "Contract Manager")
    response = admin.post(page(ROLE, "delete", manager.pk), {"post": "yes"})
    assert response.headers["Location"] == page(ROLE, "change", manager.pk)
    [message] = told(response)
    assert message == '1 member has the role "Contract Manager". Give them another role before deleting it.'
    assert stored(manager) is not None
    assert acme.members.get().role == manager
    assert events() == []


def bulk_delete(admin, *roles):
    data = {"action": "delete_selected", "_selected_action": [role.pk for role in roles], "post": "yes"}
    return admin.post(page(ROLE), data)


def test_a_role_that_a_group_has_is_not_deleted_and_says_which(admin, acme, manager, events):
    Group.add(acme, GroupProfile("Lawyers"), by=SETUP).give_role(manager, by=SETUP)
    response = admin.post(page(ROLE, "delete", manager.pk), {"post": "yes"})
    assert told(response) == [
        'The group "Lawyers" has the role "Contract Manager". Give it another role, or none, before deleting it.'
    ]
    assert stored(manager) is not None
    assert events() == []


def test_of_several_roles_none_is_deleted_when_one_is_in_use(admin, acme, manager, events):
    unused = Role(organization=acme, name="Unused", access=everywhere(Level.NONE))
    unused.create_role(by=SETUP)
    person(acme, "carla@acme.example", "Carla Conti", "Contract Manager")
    response = bulk_delete(admin, unused, manager)
    assert response.status_code == 302
    [message] = told(response)
    assert message.startswith('1 member has the role "Contract Manager"')
    assert stored(unused) is not None
    assert stored(manager) is not None
    assert events() == []


def test_several_roles_that_nobody_has_are_deleted(admin, acme, manager, events):
    unused = Role(organization=acme, name="Unused", access=everywhere(Level.NONE))
    unused.create_role(by=SETUP)
    bulk_delete(admin, unused, manager)
    assert acme.roles.count() == 5
    assert {action for action, _, _ in events()} == {Action.ROLE_DELETED}


def test_a_predefined_role_is_not_deleted_among_others_either(admin, acme, manager, events):
    response = bulk_delete(admin, manager, acme.roles.named("Procurement"))
    assert told(response) == ['"Procurement" is a predefined role: it can\'t be edited or deleted.']
    assert acme.roles.count() == 6
    assert events() == []


def test_before_deleting_staff_are_asked(admin, manager):
    asked = admin.post(page(ROLE), {"action": "delete_selected", "_selected_action": [manager.pk]})
    assert "Contract Manager" in asked.text
    assert "Contract Manager" in admin.get(page(ROLE, "delete", manager.pk)).text
    assert stored(manager) is not None


def test_the_matrix_shows_every_level_says_what_they_mean_and_counts_members(admin, acme, manager):
    person(acme, "carla@acme.example", "Carla Conti", "Contract Manager")
    answer = admin.get(page(ROLE), {"organization__id__exact": acme.pk})
    words = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Read: look, and change nothing" in words
    assert "Act: look and change" in words
    assert "Contract Manager Acme" in words
    assert all(scope.label in words for scope in Scope)
    link = f"{page('members.Member')}?organization__id__exact={acme.pk}&amp;role=Contract+Manager"
    assert f'href="{link}">1<' in answer.text
    assert [member.user_name for member in rows(admin.get(link.replace("&amp;", "&")))] == ["carla@acme.example"]


@pytest.mark.parametrize("name", ["Contract Manager", "Admin"])
def test_the_page_of_a_role_explains_the_levels_and_counts_members(admin, acme, manager, name):
    shown = admin.get(page(ROLE, "change", acme.roles.named(name).pk)).text
    assert "None: the page is not there; Read: look, and change nothing; Act: look and change." in shown
    assert "role=" in shown
