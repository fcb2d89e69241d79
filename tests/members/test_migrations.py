"""What migrations make of rows that are there already."""

import pytest

from members.models import Member, Role
from tests.conftest import Migrate

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_there_gets_ids_and_is_taken_for_assigned_unless_it_is_employee(migrate: Migrate) -> None:
    old = migrate("members", "0001_initial")
    acme = old.get_model("members", "Organization").objects.create(name="Acme")
    roles = old.get_model("members", "Role").objects
    people = old.get_model("members", "Member").objects
    for name, predefined in (("Admin", True), ("Employee", True), ("Contracts", False)):
        role = roles.create(organization=acme, name=name, is_predefined=predefined)
        people.create(organization=acme, role=role, user_name=f"{name}@acme.example")

    migrate("members", "0005_group_role")

    ids = list(Role.objects.order_by("pk").values_list("public_id", flat=True))
    assert len(set(ids)) == 3
    assert ids == sorted(ids)
    assert dict(Member.objects.values_list("role__name", "role_is_assigned")) == {
        "Admin": True,
        "Employee": False,
        "Contracts": True,
    }
