"""Wherever a key is used from leaves a trace, whatever else its callers invent; and the trace stays small."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys.letters import letter_for
from apikeys.models import ApiKey, KnownOrigin, NewKey, Notice, origin
from apikeys.models.origin import AGENTS_MAX, LATEST, MET, NETWORKS_MAX, OTHER_AGENTS, PUT_OFF
from audit.actor import Origin
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import new_key
from tests.racing import at_once
from tests.web.conftest import SignIn

MORNING = dt.datetime(2027, 3, 1, 8, tzinfo=dt.UTC)
HOME, OKTA = "203.0.113.7", "Okta SCIM Client 1.0.0"
PROCESSES = 16


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> Any:
    settings.KEY_RATE_LIMIT = settings.BAD_KEY_LIMIT = 0
    PUT_OFF.clear()


@pytest.fixture
def key(acme: Organization, ana: Member) -> NewKey:
    key = new_key(acme)
    call(key)
    return key


def call(key: NewKey, ip: str = HOME, user_agent: str = OKTA) -> int:
    headers = {"Authorization": f"Bearer {key.text}", "User-Agent": user_agent}
    return Client().get("/scim/v2/ServiceProviderConfig", headers=headers, REMOTE_ADDR=ip).status_code


def meet(
    key: NewKey, ip: str = HOME, user_agent: str = OKTA, now: dt.datetime = MORNING, refused: bool = False
) -> None:
    """Meet an origin as a call does that a process doesn't know."""
    KnownOrigin.objects.meet(key.api_key, Origin(ip, user_agent), now, refused=refused)


def agent(number: int) -> str:
    """Return a name that somebody invents; without digits, which would be a version."""
    return "scanner-" + "".join(chr(97 + int(digit)) for digit in str(number))


def rows(kind: str = "network") -> dict[str, KnownOrigin]:
    return {row.value: row for row in KnownOrigin.objects.filter(kind=kind)}


def test_invented_user_agents_hide_no_network(key: NewKey) -> None:
    for number in range(205):
        call(key, user_agent=agent(number))
    call(key, "198.51.100.1", agent(999))

    assert set(rows()) == {"203.0.113.0/24", "198.51.100.0/24"}
    assert len(rows("agent")) == AGENTS_MAX + 1
    event = key.api_key.organization.events.filter(action=Action.API_KEY_NEW_ORIGIN).latest("id")
    assert event.changes == {"origins": ["198.51.100.0/24"]}


def test_other_user_agents_are_counted_and_written_once_a_minute(key: NewKey) -> None:
    for number in range(AGENTS_MAX - 1):
        call(key, user_agent=agent(number))
    call(key, user_agent="first")
    with CaptureQueriesContext(connection) as queries:
        for number in range(1000, 1100):
            call(key, user_agent=agent(number))
    assert not [query for query in queries.captured_queries if "knownorigin" in query["sql"].lower()]

    PUT_OFF[key.api_key.key_id, False].until = 0  # a minute later
    call(key, user_agent="last")

    others = rows("agent")[OTHER_AGENTS]
    assert (others.others, others.latest, others.is_new) == (102, ["last", "first"], True)


def test_many_networks_are_summed_up_and_none_is_left_out(key: NewKey) -> None:
    networks = [f"10.{number // 200}.{number % 200}" for number in range(1000)]
    for network in networks:
        meet(key, f"{network}.1")

    met = rows()
    alone = [value for value in met if value.endswith("/24")]
    assert len(alone) == NETWORKS_MAX
    sums = {value: row.others for value, row in met.items() if row.others}
    # The home is one of the hundred.
    assert sums == {"10.0.0.0/16": 101} | {f"10.{number}.0.0/16": 200 for number in range(1, 5)}
    assert sum(sums.values()) + NETWORKS_MAX == len(networks) + 1
    last = met["10.4.0.0/16"]
    assert last.latest == [f"10.4.{number}.0/24" for number in range(199, 199 - LATEST, -1)]
    assert last.last_seen_at == MORNING


def test_networks_of_all_the_internet_are_still_bounded(key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "NETWORKS_MAX", 5)
    for first in range(1, 60):
        for second in range(3):
            meet(key, f"{first}.{second}.7.1")
    by_size = [value.rpartition("/")[2] for value in rows()]
    assert (by_size.count("24"), by_size.count("16")) == (5, 5)
    assert by_size.count("8") <= 60
    met = 5 + sum(row.others for row in rows().values())
    assert met == 59 * 3 + 1


@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        ([f"2001:db8:0:7::{number:x}" for number in range(300)], 1),  # a /64
        ([f"2001:db8:0:{number:x}::1" for number in range(300)], 1),  # a /48
        ([f"2001:db8:{number:x}::1" for number in range(300)], NETWORKS_MAX + 1),  # a /32
    ],
    ids=["a /64", "a /48", "a /32"],
)
@pytest.mark.parametrize("invents_agents", [False, True])
def test_turning_through_ipv6_addresses_fills_nothing(
    key: NewKey, addresses: list[str], most: int, invents_agents: bool
) -> None:
    for number, ip in enumerate(addresses):
        call(key, ip, agent(number) if invents_agents else OKTA)
    call(key, "198.51.100.1")

    met = rows()
    # IPv4 has room of its own.
    assert {"203.0.113.0/24", "198.51.100.0/24"} < set(met)
    assert len(met) - 2 == most
    assert len(rows("agent")) <= AGENTS_MAX + 1


def test_strangers_who_are_refused_take_no_room(acme: Organization, ana: Member) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"])
    for number in range(NETWORKS_MAX + 20):
        assert call(key, f"198.51.{number}.1", agent(number)) == 403
    assert call(key) == 200

    home = rows()["203.0.113.0/24"]
    assert (home.is_new, home.refused) == (False, False)
    assert rows("agent")["Okta SCIM Client"].refused is False
    assert rows()["198.51.0.0/16"].refused


def test_a_sum_that_was_refused_shows_that_the_key_was_used_there(key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "NETWORKS_MAX", 1)
    meet(key, "198.51.1.1", refused=True)
    meet(key, "198.51.2.1", refused=True)
    assert rows()["198.51.0.0/16"].refused
    meet(key, "198.51.3.1")
    assert not rows()["198.51.0.0/16"].refused


def test_each_further_network_marks_the_key_again_once_an_admin_has_accepted(
    acme: Organization, ana: Member, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "NETWORKS_MAX", 1)
    events = acme.events.filter(action=Action.API_KEY_NEW_ORIGIN)
    for number in range(5):
        meet(key, f"198.51.{number}.1")
    # One event a day is enough to say that there are more.
    assert [event.changes["origins"] for event in events.order_by("id")] == [["198.51.0.0/24"]]

    ApiKey.objects.get().accept_origins(by=ana.actor())
    assert ApiKey.objects.get().new_origin_at is None
    meet(key, "198.51.77.1")

    assert ApiKey.objects.get().new_origin_at == MORNING
    assert events.latest("id").changes == {"origins": ["198.51.77.0/24"]}
    meet(key, "198.51.78.1", now=MORNING + dt.timedelta(days=1))
    assert events.latest("id").changes == {"origins": ["198.51.78.0/24"]}
    assert Notice.objects.filter(kind="new_origin").count() == 2


def test_a_network_that_another_process_summed_up_is_counted_once(key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "NETWORKS_MAX", 1)
    for _ in range(PROCESSES):
        MET.clear()
        meet(key, "198.51.7.1")
    assert rows()["198.51.0.0/16"].others == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_lose_no_network(key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "NETWORKS_MAX", 3)
    monkeypatch.setattr(origin, "AGENTS_MAX", 3)
    calls = [lambda number=number: meet(key, f"198.51.{number}.1", agent(number)) for number in range(PROCESSES)]
    at_once(*calls)
    networks = rows()
    alone = {value for value in networks if value.endswith("/24")}
    assert len(alone) == 3
    summed = networks["198.51.0.0/16"]
    assert summed.others == PROCESSES - 2  # the home is the third
    assert KnownOrigin.objects.filter(kind="agent").count() == 4


def test_a_known_origin_costs_nothing_more_beside_many(key: NewKey) -> None:
    for number in range(2 * AGENTS_MAX):
        call(key, f"198.51.{number}.1", agent(number))
    with CaptureQueriesContext(connection) as queries:
        call(key)
    assert len(queries) == 1


def test_a_kept_user_agent_is_not_counted_among_the_others_by_a_new_process(key: NewKey) -> None:
    for number in range(2 * AGENTS_MAX):
        call(key, user_agent=agent(number))
    MET.clear()
    PUT_OFF.clear()
    before = rows("agent")[OTHER_AGENTS].others
    call(key, user_agent="one more")
    for _ in range(10):
        call(key)
    assert PUT_OFF[key.api_key.key_id, False].calls == 0
    assert rows("agent")[OTHER_AGENTS].others <= before + 1


# What an Admin sees


def test_the_page_shows_the_latest_and_says_how_many_more_there_are(
    acme: Organization, ana: Member, key: NewKey, sign_in: SignIn
) -> None:
    with time_machine.travel(MORNING, tick=False):
        for number in range(300):
            meet(key, f"198.51.{number}.1" if number < 250 else f"100.{number - 250}.7.1", agent(number))
        meet(key, "100.64.7.1", "a <b>bold</b> name")
        browser = sign_in(ana)
        page = browser.get(f"/settings/api-access/keys/{key.api_key.key_id}", follow=True).content.decode()

    assert "100.64.7.0/24" in page
    assert "Networks, summed up" in page
    assert "other user agents" in page
    assert "<b>bold" not in page
    assert "more are remembered" in page
    assert len(page.encode()) < 40_000
    everything = browser.get(f"/settings/api-access/keys/{key.api_key.key_id}?origins=all", follow=True)
    assert everything.content.decode().count('data-label="Mark"') == KnownOrigin.objects.count()


def test_the_mail_names_sums_in_words(acme: Organization, ana: Member, key: NewKey) -> None:
    for number in range(NETWORKS_MAX + 30):
        meet(key, f"198.51.{number}.1", agent(number), MORNING + dt.timedelta(seconds=number))
    PUT_OFF.clear()
    meet(key, "198.51.200.1", "the last", MORNING + dt.timedelta(minutes=5))
    text = "\n".join(fact.value for fact in letter_for(Notice.objects.get(kind="new_origin"), MORNING).facts)
    assert "other user agents (about" in text
    assert "198.51.0.0/16 (about" in text
    assert len(text) < 5000
