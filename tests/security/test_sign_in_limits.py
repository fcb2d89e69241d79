"""Limits of sign-in: nobody locks somebody else out, nobody fills a mailbox, and no limit tells who is known."""

import datetime as dt
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings as project
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lib.attempts import Limit
from lib.breaker import REDIS
from lib.networks import network_of
from members.adapter import AccountAdapter
from members.models import User
from outbox.models import OutgoingMail
from tests.racing import at_once
from tests.security.conftest import (
    ADDRESS,
    HOME,
    PASSWORD,
    SERVER,
    ask_for_code,
    at,
    is_signed_in,
    latest_code,
    sign_in_by_code,
    text_of,
    try_password,
)

pytestmark = pytest.mark.django_db

UNKNOWN = "nobody@acme.example"


@pytest.fixture
def travelling(settings: Any) -> None:
    """Count in memory, where time is ours: Redis doesn't travel."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "travelling"}
    }
    cache.clear()


def lock_password(ip: str = SERVER, address: str = ADDRESS) -> Client:
    """Try wrong passwords until no more are looked at."""
    browser = at(ip)
    for _ in range(5):
        assert "is wrong" in text_of(try_password(browser, "wrong", address))
    assert "Too many attempts" in text_of(try_password(browser, PASSWORD, address))
    return browser


def test_wrong_passwords_from_elsewhere_lock_nobody_out(ana_user: User):
    stranger = lock_password()
    assert not is_signed_in(stranger)
    owner = at(HOME)
    try_password(owner, PASSWORD)
    assert is_signed_in(owner)


@pytest.mark.parametrize("spelling", ["ANA@acme.example", " ana@acme.example ", "ana@ACME.example", "ªna@acme.example"])
def test_another_spelling_of_the_address_is_no_new_attempt(ana_user: User, spelling: str):
    browser = lock_password()
    try_password(browser, PASSWORD, spelling)
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_HOST": "testserver:6666"},
        {"HTTP_HOST": "TESTSERVER"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        {"REMOTE_ADDR": f"{SERVER}:4711"},
    ],
)
def test_nor_is_another_way_to_say_host_or_address(ana_user: User, header: dict[str, Any]):
    lock_password()
    browser = Client(**({"REMOTE_ADDR": SERVER} | header))
    try_password(browser, PASSWORD)
    assert not is_signed_in(browser)


def test_addresses_of_one_ipv6_network_count_together(ana_user: User):
    for number in range(5):
        try_password(at(f"2001:db8:0:1::{number}"), "wrong")
    neighbour, other = at("2001:db8:0:1:ffff::1"), at("2001:db8:0:2::1")
    for browser in (neighbour, other):
        try_password(browser, PASSWORD)
    assert [is_signed_in(neighbour), is_signed_in(other)] == [False, True]


@pytest.mark.parametrize(
    ("ip", "network"),
    [("2001:db8:0:1:2::3", "2001:db8:0:1::/64"), ("192.0.2.1", "192.0.2.1"), (None, "unknown")],
)
def test_a_network_is_what_one_customer_of_a_provider_has(ip: str | None, network: str):
    assert network_of(ip) == network


def test_passwords_tried_from_many_networks_come_to_an_end(ana_user: User):
    for number in range(50):
        try_password(at(f"192.0.2.{number}"), "wrong")
    stranger = at(HOME)
    assert "Too many attempts" in text_of(try_password(stranger, PASSWORD))


def test_not_even_many_networks_lock_a_device_out_that_has_been_used_before(ana_user: User):
    device = at(HOME)
    try_password(device, PASSWORD)
    device.post("/accounts/logout/")
    for number in range(50):
        try_password(at(f"192.0.2.{number}"), "wrong")
    try_password(device, PASSWORD)
    assert is_signed_in(device)


def test_a_device_of_one_account_is_a_stranger_to_others(ana_user: User):
    User.objects.create_user("mallory@acme.example", PASSWORD)
    device = at(SERVER)
    try_password(device, PASSWORD, "mallory@acme.example")
    assert is_signed_in(device)
    device.post("/accounts/logout/")
    for number in range(50):
        try_password(at(f"192.0.2.{number}"), "wrong")
    assert "Too many attempts" in text_of(try_password(device, PASSWORD))


def test_nor_does_a_forged_device_count(ana_user: User):
    lock_password()
    browser = at(SERVER)
    browser.cookies["device"] = "WyJ4Il0:1abc:forged"
    try_password(browser, PASSWORD)
    assert not is_signed_in(browser)


@pytest.mark.usefixtures("travelling")
def test_passwords_of_many_accounts_tried_from_one_network_come_to_an_end(ana_user: User):
    for number in range(100):
        # allauth lets 30 a minute through.
        with time_machine.travel(timezone.now() + dt.timedelta(seconds=3 * number)):
            try_password(at(SERVER), "wrong", f"p{number}@acme.example")
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=400)):
        for ip, works in ((SERVER, False), (HOME, True)):
            browser = at(ip)
            try_password(browser, PASSWORD)
            assert is_signed_in(browser) is works


def test_right_passwords_do_not_count(ana_user: User):
    browser = at(HOME)
    for _ in range(8):
        try_password(browser, PASSWORD)
        assert is_signed_in(browser)
        browser.post("/accounts/logout/")


def test_attempts_at_once_are_no_more_than_attempts_one_after_the_other(ana_user: User):
    limit = Limit("race", 5, 60)
    assert sorted(at_once(*[limit.by("one").take for _ in range(12)])) == [False] * 7 + [True] * 5


def test_a_code_signs_in_while_the_password_is_locked(ana_user: User):
    browser = lock_password(HOME)
    sign_in_by_code(browser)
    assert is_signed_in(browser)


def test_strangers_who_ask_for_codes_do_not_keep_the_owner_from_one(ana_user: User):
    for _ in range(3):
        ask_for_code(at(SERVER))
    assert "Too many e-mails" in text_of(ask_for_code(at(SERVER)))
    owner = at(HOME)
    sign_in_by_code(owner)
    assert is_signed_in(owner)


@pytest.mark.usefixtures("travelling")
def test_wrong_codes_count_however_often_a_new_one_is_asked_for(ana_user: User):
    answers = []
    for minute in range(6):
        with time_machine.travel(timezone.now() + dt.timedelta(minutes=minute)):
            browser = at(SERVER)
            ask_for_code(browser)
            guess = {"code": "nonsense"}
            answers += [browser.post("/accounts/login/code/confirm/", guess, follow=True) for _ in range(2)]
    assert "Too many attempts" in text_of(answers[-1])
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        browser = at(SERVER)
        ask_for_code(browser)
        browser.post("/accounts/login/code/confirm/", {"code": latest_code()})
        assert not is_signed_in(browser)


def test_wrong_links_count(ana_user: User):
    browser = at(SERVER)
    answers = [browser.get(f"/accounts/password/reset/key/1-x-{number}/").status_code for number in range(101)]
    assert answers == [200] * 100 + [429]
    assert at(HOME).get("/accounts/password/reset/key/1-x/").status_code == 200


def flood(address: str) -> list[str]:
    """Ask for mails to an address from many networks, for a day; return what the pages said."""
    said: list[str] = []
    for hour in range(20):
        with time_machine.travel(timezone.now() + dt.timedelta(minutes=61 * hour)):
            for path in ("/accounts/login/code/", "/accounts/password/reset/"):
                answers = [
                    at(ip).post(path, {"email": address}, follow=True)
                    for ip in (SERVER, "192.0.2.1", f"192.0.2.{hour + 2}")
                ]
                said += [text_of(answer).replace(address, "…") for answer in answers]
    return said


@pytest.mark.usefixtures("travelling")
def test_a_mailbox_gets_a_limited_number_of_mails_a_day(ana_user: User, settings):
    settings.SIGN_IN_MAILS_PER_DAY = 12
    flood(ADDRESS)
    assert OutgoingMail.objects.count() == 12


@pytest.mark.usefixtures("travelling")
def test_one_network_cannot_use_up_the_mails_of_a_day(ana_user: User, settings):
    settings.SIGN_IN_MAILS_PER_DAY = 6
    for hour in range(5):
        with time_machine.travel(timezone.now() + dt.timedelta(hours=hour)):
            ask_for_code(at(SERVER))
    assert OutgoingMail.objects.count() == 2


def test_a_device_that_has_been_used_before_gets_its_code_when_strangers_have_used_up_the_mails(
    ana_user: User, settings
):
    settings.SIGN_IN_MAILS_PER_DAY = 3
    owner = at(HOME)
    sign_in_by_code(owner)
    owner.post("/accounts/logout/")
    for number in range(5):
        ask_for_code(at(f"192.0.2.{number}"))
    assert "Too many e-mails" in text_of(ask_for_code(at("192.0.2.9")))
    sign_in_by_code(owner)
    assert is_signed_in(owner)


def test_a_code_sent_again_counts_as_a_mail(ana_user: User):
    answers = {}
    for address in (ADDRESS, UNKNOWN):
        browser = at(SERVER)
        ask_for_code(browser, address)
        again = [
            browser.post("/accounts/login/code/confirm/", {"action": "resend"}, follow=True, headers={})
            for _ in range(4)
        ]
        answers[address] = [text_of(answer).replace(address, "…") for answer in again]
    assert answers[ADDRESS] == answers[UNKNOWN]
    assert OutgoingMail.objects.count() <= 3


@pytest.mark.usefixtures("travelling")
def test_limits_do_not_tell_an_unknown_address_from_a_known_one(ana_user: User, settings):
    settings.SIGN_IN_MAILS_PER_DAY = 12
    said = {address: flood(address) for address in (ADDRESS, UNKNOWN)}
    assert said[ADDRESS] == said[UNKNOWN]
    tries = {
        address: [text_of(try_password(at(HOME), "wrong", address)).replace(address, "…") for _ in range(7)]
        for address in (ADDRESS, UNKNOWN)
    }
    assert tries[ADDRESS] == tries[UNKNOWN]


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_an_answer_for_an_unknown_address_is_as_much_work(ana_user: User, path: str, monkeypatch: pytest.MonkeyPatch):
    rendered: list[str] = []
    render = AccountAdapter.render_mail

    def noted(self: AccountAdapter, prefix: str, email: str, *args: Any, **more: Any) -> Any:
        rendered.append(email)
        return render(self, prefix, email, *args, **more)

    monkeypatch.setattr(AccountAdapter, "render_mail", noted)
    work = []
    for address in (ADDRESS, UNKNOWN):
        at(SERVER).post(path, {"email": address})
        with CaptureQueriesContext(connection) as queries:
            at(SERVER).post(path, {"email": address})
        work.append(len(queries))
        assert any(query["sql"].startswith('INSERT INTO "outbox') for query in queries)
    assert rendered == [ADDRESS] * 2 + [UNKNOWN] * 2
    assert abs(work[0] - work[1]) <= 2
    assert set(OutgoingMail.objects.values_list("recipient", flat=True)) == {ADDRESS}


def test_a_password_for_an_unknown_address_is_hashed_too(ana_user: User, monkeypatch: pytest.MonkeyPatch):
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def noted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", noted)
    counts = []
    for address in (ADDRESS, UNKNOWN):
        hashed.clear()
        try_password(at(HOME), "wrong", address)
        counts.append(len(hashed))
    assert counts[0] == counts[1] >= 1


def test_the_staff_sign_in_goes_through_the_same_limits(db: None):
    User.objects.create_superuser("stella@vendor.example", PASSWORD)
    lock_password(SERVER, "stella@vendor.example")
    for path in ("/admin/login/", "/admin/"):
        browser = at(SERVER)
        page = browser.get(path, follow=True)
        browser.post(page.request["PATH_INFO"], {"login": "stella@vendor.example", "password": PASSWORD})
        browser.post("/admin/login/", {"username": "stella@vendor.example", "password": PASSWORD})
        assert not is_signed_in(browser)
    owner = at(HOME)
    try_password(owner, PASSWORD, "stella@vendor.example")
    assert is_signed_in(owner)


def test_counts_are_not_pushed_out_of_a_process_memory(ana_user: User):
    lock_password()
    for number in range(1000):
        cache.set(f"something-else-{number}", 1)
    browser = at(SERVER)
    try_password(browser, PASSWORD)
    assert not is_signed_in(browser)


@pytest.mark.skipif(not project.REDIS_URL, reason="needs Redis")
def test_without_redis_each_process_goes_on_counting(ana_user: User, monkeypatch: pytest.MonkeyPatch):
    def broken(*args: Any, **more: Any) -> Any:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr("redis.connection.AbstractConnection.send_packed_command", broken)
    REDIS.trip(redis.ConnectionError("gone"))
    limit = Limit("in memory", 3, 60)
    assert [limit.by("one").take() for _ in range(5)] == [True] * 3 + [False] * 2
