"""A key may be generated for certain networks; from elsewhere it opens nothing."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apikeys.allowed_networks import contains, parse_networks
from apikeys.errors import ExpirationImmutable, KeyInvalid
from apikeys.models import ApiKey, KnownOrigin, Notice
from members.models import Member, Organization
from tests.conftest import new_key
from tests.identity_provider import assert_error


def users(key: str, ip: str) -> Any:
    client = Client(raise_request_exception=False)
    return client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {key}"}, REMOTE_ADDR=ip)


@pytest.mark.parametrize(
    ("texts", "networks"),
    [
        ([], []),
        (["", "  "], []),
        (["203.0.113.0/24"], ["203.0.113.0/24"]),
        ([" 203.0.113.7 "], ["203.0.113.7/32"]),
        (["2001:DB8::/32", "2001:db8::/32"], ["2001:db8::/32"]),
        (["203.0.113.0/255.255.255.0"], ["203.0.113.0/24"]),
    ],
)
def test_networks_are_kept_as_they_are_usually_written(texts: list[str], networks: list[str]) -> None:
    assert parse_networks(texts) == networks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("okta.com", "is no network"),
        ("203.0.113.0/33", "is no network"),
        ("203.0.113", "is no network"),
        ("203.0.113.0/24 198.51.100.0/24", "is no network"),
        ("203.0.113.7/24", "did you mean 203.0.113.0/24"),
    ],
)
def test_what_is_no_network_is_refused_beside_its_field(acme: Organization, text: str, words: str) -> None:
    with pytest.raises(KeyInvalid, match=words) as refusal:
        new_key(acme, allowed_networks=[text])
    assert refusal.value.field == "allowed_networks"
    assert not ApiKey.objects.exists()


def test_there_may_be_fifty_networks(acme: Organization) -> None:
    many = [f"198.51.{number}.0/24" for number in range(51)]
    assert len(new_key(acme, allowed_networks=many[:50]).api_key.allowed_networks) == 50
    with pytest.raises(KeyInvalid, match="at most 50"):
        new_key(acme, allowed_networks=many)


@pytest.mark.parametrize(
    ("ip", "inside"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.114.0", False),
        ("::ffff:203.0.113.7", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        (None, False),
    ],
)
def test_an_address_is_in_a_network_or_not(ip: str | None, inside: bool) -> None:
    assert contains(["203.0.113.0/24", "2001:db8::/32"], ip) is inside


def test_a_key_opens_only_from_its_networks(acme: Organization, ana: Member) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    assert users(key, "203.0.113.9").status_code == 200

    refused = users(key, "198.51.100.1")

    assert_error(refused, 403, "", "198.51.100.1", "certain networks", "Settings > API Access")
    assert "203.0.113" not in refused.content.decode()
    assert ApiKey.objects.get().last_used_ip == "203.0.113.9"


def test_being_tried_from_elsewhere_marks_the_key_and_is_mailed(acme: Organization, ana: Member) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    users(key, "198.51.100.1")
    assert KnownOrigin.objects.get(kind="network").refused
    assert ApiKey.objects.get().new_origin_at is not None
    assert Notice.objects.filter(kind="new_origin", recipient="ana@acme.example").count() == 1


def test_a_key_of_an_unknown_address_is_refused_if_it_has_networks(acme: Organization) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    assert_error(users(key, "unix:"), 403, "", "an unknown address")


def test_networks_are_fixed_at_creation(acme: Organization) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).api_key
    key.allowed_networks = []
    with pytest.raises(ExpirationImmutable):
        key.save()
    with pytest.raises(ExpirationImmutable):
        acme.api_keys.update(allowed_networks=[])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET allowed_networks = '[]'")
    assert ApiKey.objects.get().allowed_networks == ["203.0.113.0/24"]
