"""SECRET_KEY is changed in a rolling restart, as docs/scale.md has it: nothing that was signed is lost on the way.

Every state that a host is in on the way is a web server of its own. At each moment two neighbouring states run side by
side, and a client meets them by turns.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from members.models import Member, Organization, User
from tests.conftest import ACME, new_key, person
from tests.processes.hosts import browser
from tests.server import web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

OLD = settings.SECRET_KEY
NEW = "the secret that comes after it and is long enough for production"
STATES = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]


@pytest.fixture(scope="module")
def hosts(django_db_setup: Any) -> Iterator[list[str]]:
    """The addresses of a host in each state, in the order of the rotation."""
    with ExitStack() as servers:
        yield [
            servers.enter_context(web_server(SECRET_KEY=secret, SECRET_KEY_FALLBACKS=fallbacks))
            for secret, fallbacks in STATES
        ]


@pytest.fixture
def walk(hosts: list[str]) -> list[str]:
    """The hosts that a client meets during the rotation, one after the other."""
    return [host for pair in pairwise(hosts) for host in pair * 2]


def test_a_sync_goes_on_from_page_to_page(walk: list[str], acme: Organization):
    people = [person(acme, f"p{number:02}@acme.example", "P Person").user_name for number in range(len(walk))]
    headers = {"Authorization": f"Bearer {new_key(acme).text}"}
    found, cursor = [], ""
    with httpx2.Client(headers=headers, timeout=30) as okta:
        for host in walk:
            page = okta.get(f"{host}/scim/v2/Users", params={"count": 1, "cursor": cursor}).json()
            found += [user["userName"] for user in page["Resources"]]
            cursor = page.get("nextCursor", "")
    assert sorted(found) == people
    assert cursor == ""


def test_a_list_of_the_rest_api_goes_on_from_page_to_page(walk: list[str], acme: Organization):
    people = [person(acme, f"p{number:02}@acme.example", "P Person").user_name for number in range(len(walk))]
    headers = {"Authorization": f"Bearer {new_key(acme, 'api_read').text}"}
    found, query = [], "?limit=1"
    with httpx2.Client(headers=headers, timeout=30) as script:
        for host in walk:
            page = script.get(f"{host}/v1.0/members{query}").json()
            found += [member["user_name"] for member in page["results"]]
            query = "?" + (page["next"] or "").partition("?")[2]
    assert sorted(found) == people


def test_a_person_stays_signed_in(walk: list[str], ana: Member, sign_in: Any):
    with browser("", sign_in(ana)) as ana_at:
        assert [ana_at.get(f"{host}{ACME}/security").status_code for host in walk] == [200] * len(walk)


def test_a_link_from_before_opens_until_its_key_is_retired(hosts: list[str], ana: Member):
    user, _ = User.objects.get_or_create(email=ana.user_name)
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), key])
    opened = []
    for host in hosts:
        with httpx2.Client(timeout=30, follow_redirects=True) as client:
            opened.append('name="password1"' in client.get(host + path).text)
    assert opened == [True, True, True, False]


def test_a_change_without_fallbacks_ends_what_was_signed(hosts: list[str], acme: Organization, ana: Member, sign_in):
    person(acme, "bob@acme.example", "Bob Builder")
    headers = {"Authorization": f"Bearer {new_key(acme).text}"}
    query = {"count": "1", "cursor": ""}
    with httpx2.Client(headers=headers, timeout=30) as okta:
        query["cursor"] = okta.get(f"{hosts[0]}/scim/v2/Users", params=query).json()["nextCursor"]
        ended = okta.get(f"{hosts[-1]}/scim/v2/Users", params=query)
        assert (ended.status_code, ended.json()["scimType"]) == (400, "invalidCursor")
    with browser("", sign_in(ana)) as ana_at:
        assert ana_at.get(f"{hosts[-1]}{ACME}/security").status_code == 302
