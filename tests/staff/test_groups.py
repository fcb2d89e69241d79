"""Directory groups in the staff admin."""

import pytest

from members.admin import groups
from members.directory import GroupProfile
from members.models import Group
from tests.conftest import SETUP
from tests.staff.conftest import page, rows

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
    monkeypatch.setattr(groups, "COUNTED_TO", 1)
    response = admin.get(page(GROUP))
    assert [group.counted for group in rows(response)] == [2]
    assert "more than 1" in response.text


def test_groups_are_only_looked_at(admin, engineers):
    assert admin.get(page(GROUP, "add")).status_code == 403
    assert admin.post(page(GROUP, "change", engineers.pk), {"display_name": "Hacked"}).status_code == 403
    assert admin.post(page(GROUP, "delete", engineers.pk), {"post": "yes"}).status_code == 403
    assert Group.objects.get().display_name == "Engineers"
