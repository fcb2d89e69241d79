"""A key that is used from somewhere new is marked, and the Admins hear of it, at most once a day."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client

from apikeys.models import ApiKey, KnownOrigin, NewKey, Notice, family_of, network_around, origin
from apikeys.models.origin import MET
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import new_key
from tests.racing import at_once

MORNING = dt.datetime(2027, 3, 1, 8, tzinfo=dt.UTC)
HOME = ("203.0.113.7", "Okta SCIM Client 1.0.0")


def call(key: NewKey, ip: str = HOME[0], user_agent: str = HOME[1], hours: float = 0) -> Any:
    """Call the SCIM API from an address and with a user agent, some hours into the day."""
    with time_machine.travel(MORNING + dt.timedelta(hours=hours), tick=False):
        headers = {"Authorization": f"Bearer {key.text}", "User-Agent": user_agent}
        return Client(raise_request_exception=False).get("/scim/v2/Users", headers=headers, REMOTE_ADDR=ip)


def is_marked() -> bool:
    return ApiKey.objects.get().new_origin_at is not None


def mails() -> list[tuple[str, str]]:
    return list(Notice.objects.filter(kind="new_origin").order_by("id").values_list("recipient", "occasion"))


@pytest.fixture
def key(acme: Organization, ana: Member) -> NewKey:
    return new_key(acme)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("2001:db8:1:ffff::1", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("::1", "::/48"),
    ],
)
def test_a_network_is_a_24_or_a_48(ip: str, network: str) -> None:
    assert network_around(ip) == network


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("Okta SCIM Client 1.0.0", "Okta SCIM Client"),
        ("Okta SCIM Client v2", "Okta SCIM Client"),
        ("python-requests/2.31.0", "python-requests"),
        ("scim2-client", "scim2-client"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/120", "Mozilla"),
        ("Go-http-client (linux)", "Go-http-client"),
        ("", "no user agent"),
        ("   ", "no user agent"),
        ("/1.0", "no user agent"),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_family_is_a_user_agent_without_its_version(user_agent: str, family: str) -> None:
    assert family_of(user_agent) == family


def test_the_first_call_is_the_keys_home(key: NewKey) -> None:
    assert call(key).status_code == 200
    assert not is_marked()
    assert mails() == []
    assert set(KnownOrigin.objects.values_list("value", "is_new")) == {
        ("203.0.113.0/24", False),
        ("Okta SCIM Client", False),
    }


@pytest.mark.parametrize(
    ("ip", "user_agent"),
    [("203.0.113.99", HOME[1]), (HOME[0], "Okta SCIM Client 2.4")],
)
def test_a_neighbour_and_a_new_version_are_nothing_new(key: NewKey, ip: str, user_agent: str) -> None:
    call(key)
    call(key, ip, user_agent)
    assert not is_marked()


@pytest.mark.parametrize(
    ("ip", "user_agent", "new"),
    [
        ("198.51.100.1", HOME[1], ["198.51.100.0/24"]),
        (HOME[0], "curl/8.5", ["curl"]),
        ("2001:db8::5", "curl/8.5", ["curl", "2001:db8::/48"]),
    ],
)
def test_somewhere_new_marks_the_key_and_is_mailed(
    acme: Organization, key: NewKey, ip: str, user_agent: str, new: list[str]
) -> None:
    call(key)
    assert call(key, ip, user_agent).status_code == 200

    assert is_marked()
    assert mails() == [("ana@acme.example", "2027-03-01")]
    event = acme.events.get(action=Action.API_KEY_NEW_ORIGIN)
    assert (event.changes, event.ip, event.target_id) == ({"origins": new}, ip, str(key.api_key.pk))
    assert sorted(KnownOrigin.objects.filter(is_new=True).values_list("value", flat=True)) == sorted(new)


def test_what_is_known_stays_known_in_every_process(key: NewKey) -> None:
    call(key)
    call(key, "198.51.100.1")
    MET.clear()
    call(key, "198.51.100.1")
    call(key)
    assert KnownOrigin.objects.count() == 3
    assert len(mails()) == 1


def test_a_known_origin_costs_no_query(key: NewKey, django_assert_num_queries: Any) -> None:
    call(key)
    with django_assert_num_queries(2):  # the key with its organization; the page
        assert call(key).status_code == 200


def test_there_is_one_mail_a_day_by_the_organizations_calendar(acme: Organization, key: NewKey) -> None:
    acme.time_zone = "Asia/Tokyo"  # nine hours ahead
    acme.save()
    call(key)
    for number, hours in enumerate((0, 1, 6.9, 7, 8)):
        call(key, f"198.51.{number}.1", hours=hours)
    assert mails() == [("ana@acme.example", "2027-03-01"), ("ana@acme.example", "2027-03-02")]
    assert KnownOrigin.objects.filter(is_new=True).count() == 5


def test_an_admin_who_knows_takes_the_mark_away(acme: Organization, ana: Member, key: NewKey) -> None:
    call(key)
    call(key, "198.51.100.1")
    ApiKey.objects.get().accept_origins(by=ana.actor())
    ApiKey.objects.get().accept_origins(by=ana.actor())
    assert not is_marked()
    assert not KnownOrigin.objects.filter(is_new=True).exists()
    event = acme.events.get(action=Action.API_KEY_ORIGIN_ACCEPTED)
    assert (event.actor_label, event.changes) == ("Ana Admin", {"origins": ["198.51.100.0/24"]})

    call(key, "198.51.100.2", hours=30)
    assert not is_marked()


def test_keys_do_not_share_their_origins(acme: Organization, key: NewKey) -> None:
    other = new_key(acme)
    call(key)
    call(key, "198.51.100.1")
    call(other, "198.51.100.1")
    other.api_key.refresh_from_db()
    assert other.api_key.new_origin_at is None


def test_a_key_that_does_not_match_meets_nothing(key: NewKey) -> None:
    call(NewKey(key.api_key, f"{key.text[:-1]}!"))
    assert not KnownOrigin.objects.exists()


def test_an_address_that_is_not_known_is_no_network(key: NewKey) -> None:
    call(key, "unix:")
    assert list(KnownOrigin.objects.values_list("kind", flat=True)) == ["agent"]


def test_the_first_address_of_a_key_that_had_none_is_its_home(key: NewKey) -> None:
    call(key, "unix:")
    call(key)
    assert not is_marked()


def test_being_tried_from_elsewhere_first_makes_nowhere_the_keys_home(acme: Organization, ana: Member) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"])
    assert call(key, "198.51.100.1", "curl/8.5").status_code == 403
    assert call(key).status_code == 200
    assert set(KnownOrigin.objects.values_list("value", "is_new")) == {
        ("198.51.100.0/24", True),
        ("curl", True),
        ("203.0.113.0/24", False),
        ("Okta SCIM Client", False),
    }


def test_whoever_calls_himself_otherwise_each_time_fills_nothing(
    acme: Organization, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "AGENTS_MAX", 5)
    for number in range(10):
        assert call(key, user_agent=f"scanner{chr(97 + number)}").status_code == 200
    # The home, five user agents, and one row for the others.
    assert KnownOrigin.objects.count() == 7
    assert acme.events.filter(action=Action.API_KEY_NEW_ORIGIN).count() == 5


@pytest.mark.django_db(transaction=True)
def test_of_two_first_calls_at_once_one_is_new(key: NewKey) -> None:
    calls = [lambda ip=ip: call(key, ip).status_code for ip in ("203.0.113.7", "198.51.100.1")]
    assert at_once(*calls) == [200, 200]
    assert KnownOrigin.objects.filter(kind="network", is_new=True).count() == 1
    assert len(mails()) == 1
