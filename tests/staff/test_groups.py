"""Directory groups in the staff admin."""

import pytest
from django.contrib.auth.models import Permission

from audit.models import Action
from members.admin import base
from members.directory import GroupProfile
from members.models import Group
from tests.conftest import SETUP
from tests.staff.conftest import page, rows, told

GROUP = "members.Group"


@pytest.fixture
def engineers(acme, ana, ira, emil):
    members = {ana.pk, ira.pk, emil.pk}
    return Group.add(acme, GroupProfile("Engineers", external_id="g-1", replace_members=members), by=SETUP)


def test_groups_are_found_by_name_and_external_id(admin, engineers, globex):
    Group.add(globex, GroupProfile("Globex people"), by=SETUP)
    assert rows(admin.get(page(GROUP), {"q": "engin"})) == [engineers]
    assert rows(admin.get(page(GROUP), {"q": "g-1"})) == [engineers]
    assert [group.display_name for group in rows(admin.get(page(GROUP), {"organization__id__exact": globex.pk}))] == [
        "Globex people"
    ]


def test_a_group_says_how_many_members_it_has(admin, engineers):
    assert [group.counted for group in rows(admin.get(page(GROUP)))] == [3]
    assert ">3<" in "".join(admin.get(page(GROUP, "change", engineers.pk)).text.split())


def test_members_are_not_counted_further_than_is_shown(admin, engineers, monkeypatch):
    monkeypatch.setattr(base, "COUNTED_TO", 1)
    response = admin.get(page(GROUP))
    assert [group.counted for group in rows(response)] == [2]
    assert "more than 1" in response.text


def role(organization, name):
    return organization.roles.get(name=name)


def test_a_group_is_given_a_role_and_loses_it_again(admin, acme, engineers, emil, events):
    path = page(GROUP, "change", engineers.pk)
    assert admin.post(path, {"role": role(acme, "Read Only").pk}).status_code == 302
    emil.refresh_from_db()
    assert emil.role.name == "Read Only"
    assert admin.post(path, {"role": ""}).status_code == 302
    emil.refresh_from_db()
    assert emil.role.name == "Employee"
    assert [(action, target, changes["role"]) for action, target, changes in events()] == [
        (Action.GROUP_ROLE_CHANGED, "Engineers", [None, "Read Only"]),
        (Action.MEMBER_ROLE_CHANGED, "emil@acme.example", ["Employee", "Read Only"]),
        (Action.GROUP_ROLE_CHANGED, "Engineers", ["Read Only", None]),
        (Action.MEMBER_ROLE_CHANGED, "emil@acme.example", ["Read Only", "Employee"]),
    ]


def test_a_form_sent_as_it_was_changes_nothing(admin, acme, engineers, events):
    engineers.give_role(role(acme, "Read Only"), by=SETUP)
    assert admin.post(page(GROUP, "change", engineers.pk), {"role": role(acme, "Read Only").pk}).status_code == 302
    assert events() == []


def test_only_roles_of_the_groups_organization_may_be_given(admin, acme, globex, engineers, events):
    path = page(GROUP, "change", engineers.pk)
    assert set(admin.get(path).context["adminform"].form.fields["role"].queryset) == set(acme.roles.all())
    response = admin.post(path, {"role": role(globex, "Read Only").pk})
    assert list(response.context["adminform"].form.errors) == ["role"]
    assert events() == []


def test_the_last_admin_keeps_the_role_from_the_group(admin, acme, engineers, emil, events):
    engineers.give_role(role(acme, "Admin"), by=SETUP)
    acme.members.get(user_name="ana@acme.example").remove(by=SETUP)
    response = admin.post(page(GROUP, "change", engineers.pk), {"role": ""})
    assert response.headers["Location"] == page(GROUP, "change", engineers.pk)
    assert "last active Admin" in told(response)[0]
    emil.refresh_from_db()
    engineers.refresh_from_db()
    assert (emil.role.name, engineers.role.name) == ("Admin", "Admin")
    assert events() == []


def test_the_list_shows_the_role(admin, acme, engineers):
    engineers.give_role(role(acme, "Procurement"), by=SETUP)
    assert "Procurement" in admin.get(page(GROUP)).text


def test_all_but_the_role_is_only_looked_at(admin, engineers):
    assert admin.get(page(GROUP, "add")).status_code == 403
    assert admin.post(page(GROUP, "delete", engineers.pk), {"post": "yes"}).status_code == 403
    admin.post(page(GROUP, "change", engineers.pk), {"role": "", "display_name": "Hacked", "external_id": "g-2"})
    engineers.refresh_from_db()
    assert (engineers.display_name, engineers.external_id) == ("Engineers", "g-1")


def test_staff_without_the_permission_only_look(admin, acme, stella, engineers):
    stella.is_superuser = False
    stella.save()
    stella.user_permissions.set(Permission.objects.filter(codename="view_group", content_type__app_label="members"))
    path = page(GROUP, "change", engineers.pk)
    assert 'name="role"' not in admin.get(path).text
    assert admin.post(path, {"role": role(acme, "Admin").pk}).status_code == 403
    engineers.refresh_from_db()
    assert engineers.role is None
