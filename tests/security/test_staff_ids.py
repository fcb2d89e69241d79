"""Whatever stands for an id in an address of the staff admin, the answer is no fault of ours."""

import re
from urllib.parse import quote

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from members.models import Organization
from tests.fuzz.routes import routes_below
from tests.staff.conftest import admin, stella

__all__ = ["admin", "stella"]

ODD = ("1", "0", "x", "9" * 400, "²", "\0", "_5F", "__", "a/b", "00000000-0000-0000-0000-000000000000", "' OR 1=1")


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_of_the_staff_admin_fails_at_an_odd_id(acme: Organization, admin: Client, method: str) -> None:
    admin.raise_request_exception = False
    routes = [route for route in routes_below("/admin") if "<" in route]
    assert len(routes) > 30
    for route in routes:
        for odd in ODD:
            address = re.sub(r"<\w+>", quote(odd, safe=""), route)
            assert getattr(admin, method)(address).status_code < 500, address


def test_nothing_is_viewed_on_the_site(admin: Client) -> None:
    kind = ContentType.objects.get_for_model(Organization)
    assert admin.get(f"/admin/r/{kind.pk}/1/").status_code == 404
