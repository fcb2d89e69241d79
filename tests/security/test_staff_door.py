"""The staff admin has a host and networks of its own, if an operator says so: elsewhere it isn't there."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from members.models import User
from tests.conftest import ACME, sign_in_staff
from torii_settings import staff_door

pytestmark = pytest.mark.django_db

PAGES = ["/admin/", "/admin/login/", "/admin/members/organization/", "/admin/jsi18n/", "/admin/nothing/"]


@pytest.fixture
def staff() -> Client:
    client = Client()
    sign_in_staff(client, User.objects.create_superuser("staff@torii.example"))
    return client


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    staff_door.may_enter.cache_clear()


@pytest.mark.parametrize("path", PAGES)
def test_another_host_has_no_staff_admin(path: str, staff: Client, settings: LazySettings) -> None:
    settings.ADMIN_HOST = "localhost"
    for client in (staff, Client()):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert staff.get("/admin/", headers={"Host": "localhost:8000"}).status_code == 200
    assert Client().get("/admin/", headers={"Host": "LOCALHOST"}).status_code == 302


def test_the_admins_host_has_nothing_of_an_organization(staff: Client, settings: LazySettings) -> None:
    settings.ADMIN_HOST = "localhost"
    at_home = {"Host": "localhost"}
    for path in (f"{ACME}/members/", f"{ACME}/security/", "/docs/api", "/nothing"):
        assert staff.get(path, headers=at_home).status_code == 404
    for path in ("/", "/settings/"):
        assert staff.get(path, headers=at_home).headers["Location"] == "/admin/"
    assert Client().get("/accounts/login/", headers=at_home).status_code == 200
    assert Client().get(f"{ACME}/members/").status_code == 302, "the other host goes on as before"


def test_on_https_there_is_no_staff_admin_until_somebody_says_where(staff: Client, settings: LazySettings) -> None:
    settings.SERVED_OVER_TLS = True
    for path in PAGES:
        assert staff.get(path).status_code == 404
    settings.ADMIN_NETWORKS = ["127.0.0.1"]
    assert staff.get("/admin/").status_code == 200
    settings.ADMIN_NETWORKS = []
    settings.ADMIN_HOST = "localhost"
    assert staff.get("/admin/", headers={"Host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::9", 200),
        ("192.0.2.1", 404),
        ("2001:db9::9", 404),
        ("", 404),
    ],
)
def test_the_staff_admin_opens_from_its_networks_alone(
    peer: str, status: int, staff: Client, settings: LazySettings
) -> None:
    settings.ADMIN_NETWORKS = ["10.0.0.0/8", "2001:db8::/32"]
    assert staff.get("/admin/", REMOTE_ADDR=peer).status_code == status
    assert staff.get("/settings/", REMOTE_ADDR=peer).status_code in (200, 302, 403)


@pytest.mark.parametrize("path", PAGES)
def test_no_script_may_stand_in_a_page_of_the_staff_admin(path: str, staff: Client) -> None:
    answer = staff.get(path)
    policies = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert "'unsafe-inline'" not in policies["script-src"]
