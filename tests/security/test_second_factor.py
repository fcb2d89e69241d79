"""Staff see nothing without a second factor, whichever way they sign in; its codes work once, and guesses are few."""

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audit.models import Action, Event
from lib.attempts import Limit
from members import second_factor
from members.models import Member, Organization, User
from members.recent_proof import is_recent
from members.sessions import memberships
from members.sign_in_limits import FACTORS, FACTORS_OF_ACCOUNT
from members.staff_sessions import NEXT
from outbox.tasks import deliver_mails
from tests.conftest import SETUP, SIGN_IN, person, set_up_second_factor, sign_in_staff
from tests.racing import at_once
from tests.second_factor import app_code, recovery_codes, wrong_code
from tests.security.conftest import (
    ADDRESS,
    HOME,
    PASSWORD,
    SERVER,
    Subjects,
    ask_for_code,
    at,
    is_signed_in,
    latest_code,
    staff_member,
    text_of,
    try_password,
)
from tests.staff.conftest import admin, page

__all__ = ["admin"]

STELLA = "stella@vendor.example"
SET_UP = "/accounts/second-factor/setup/"
PROOF = "/accounts/second-factor/code/"
AGAIN = "/accounts/second-factor/code/again/"
CODES = "/accounts/second-factor/recovery-codes/"
NEW_CODES = "/accounts/second-factor/recovery-codes/new/"
REMOVAL = "/accounts/second-factor/removal/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def stella(db: None) -> User:
    return User.objects.create_superuser(STELLA, PASSWORD)


@pytest.fixture
def secret(stella: User) -> str:
    """Stella's app."""
    return set_up_second_factor(stella)


@pytest.fixture
def travelling() -> Iterator[time_machine.Traveller]:
    """Stop the clock in the middle of a half minute, so that no code changes while it is typed."""
    moment = timezone.now().replace(second=10, microsecond=0)
    with time_machine.travel(moment, tick=False) as traveller:
        yield traveller


def arrives_at(browser: Client, path: str = "/admin/") -> str:
    """Return the path at which a browser arrives that is sent to `path`."""
    return str(browser.get(path, follow=True).request["PATH_INFO"])


def give_code(browser: Client, code: str, where: str = PROOF) -> Any:
    return browser.post(where, {"code": code})


def history(user: User) -> list[str]:
    """Return what the staff admin's history of a user tells, without the places."""
    told = LogEntry.objects.filter(object_id=str(user.pk)).order_by("id").values_list("change_message", flat=True)
    return [text.partition(" (")[0] for text in told]


# Who has to have one --------------------------------------------------------------------------------------------------


def by_password(browser: Client) -> None:
    try_password(browser, PASSWORD, STELLA)


def by_code(browser: Client) -> None:
    browser.post("/accounts/login/code/", {"email": STELLA})
    browser.post("/accounts/login/code/confirm/", {"code": latest_code()})


def by_reset_link(browser: Client) -> None:
    browser.post("/accounts/password/reset/", {"email": STELLA})
    deliver_mails()
    link = re.findall(r"http\S+/key/\S+", str(mail.outbox[-1].body))[0]
    form = browser.get(link, follow=True).request["PATH_INFO"]
    new = "seven other hills of green marmalade"
    browser.post(form, {"password1": new, "password2": new})
    try_password(browser, new, STELLA)


WAYS = [by_password, by_code, by_reset_link]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_leads_through_the_second_factor(way: Callable[[Client], None], secret: str, travelling: Any):
    browser = at(HOME)
    way(browser)
    assert not is_signed_in(browser)
    assert arrives_at(browser) == PROOF
    give_code(browser, wrong_code(secret))
    assert not is_signed_in(browser)
    give_code(browser, app_code(secret))
    assert is_signed_in(browser)
    assert arrives_at(browser) == "/admin/"


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_leads_to_setting_one_up_at_first(way: Callable[[Client], None], stella: User):
    browser = at(HOME)
    way(browser)
    assert arrives_at(browser) == SET_UP


PLACES = [
    "/",
    "/admin/",
    "/admin/login/",
    "/admin/jsi18n/",
    "/admin/members/organization/",
    "/admin/members/job/",
    "/admin/autocomplete/",
    "/admin/password_change/",
    "/settings/",
    "/settings/members/",
    "/accounts/password/change/",
    "/accounts/password/set/",
    "/accounts/second-factor/",
    CODES,
    NEW_CODES,
    REMOVAL,
]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", PLACES)
def test_half_signed_in_staff_can_do_nothing_else(path: str, method: str, stella: User, acme: Organization):
    staff_member(acme, STELLA, "Admin")
    stranger, other = at(HOME), at(HOME)
    for browser, leads_to in ((stranger, SET_UP), (other, AGAIN)):
        browser.force_login(stella, backend=SIGN_IN)
        answer = getattr(browser, method)(path)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, leads_to)
        if leads_to == SET_UP:
            set_up_second_factor(stella)


def test_what_is_public_stays_public(stella: User):
    browser = at(HOME)
    browser.force_login(stella, backend=SIGN_IN)
    assert browser.get("/docs/api").status_code == 200
    browser.post("/accounts/logout/")
    assert not is_signed_in(browser)


def test_an_organizations_members_need_none(ana_user: User, acme: Organization):
    browser = at(HOME)
    try_password(browser, PASSWORD)
    assert browser.get("/settings/", follow=True).status_code == 200


def test_somebody_who_becomes_staff_needs_one_at_once(ana_user: User):
    browser = at(HOME)
    try_password(browser, PASSWORD)
    User.objects.filter(pk=ana_user.pk).update(is_staff=True)
    assert arrives_at(browser) == SET_UP


def test_the_demo_is_exempt_and_says_so(stella: User, settings: Any):
    settings.DEMO = True
    browser = at(HOME)
    by_password(browser)
    answer = browser.get("/admin/")
    assert answer.status_code == 200
    assert "Demo: no second factor" in answer.content.decode()
    settings.DEMO = False
    assert arrives_at(browser) == SET_UP


def test_the_pages_without_the_demo_do_not_say_so(admin: Client):
    assert "no second factor" not in admin.get("/admin/").content.decode()


def test_a_second_factor_is_no_proof_of_an_address(
    ana: Member, ana_user: User, acme: Organization, globex: Organization, travelling: time_machine.Traveller
):
    secret = set_up_second_factor(ana_user)
    globex.approved_domains.create(domain="acme.example")
    person(globex, ADDRESS, "Ana Admin", "Admin")
    person(acme, "oda@acme.example", "Oda Other", "Admin")
    Member.objects.filter(user_name=ADDRESS).update(user=ana_user)
    travelling.shift(dt.timedelta(minutes=1))
    User.objects.update(password_proven_at=timezone.now())
    ana.remove(by=SETUP)
    travelling.shift(dt.timedelta(minutes=1))
    person(acme, ADDRESS, "Ana Another")
    travelling.shift(dt.timedelta(minutes=1))
    by_old_password, by_mail = at(HOME), at(HOME)
    try_password(by_old_password, PASSWORD)
    give_code(by_old_password, app_code(secret))
    travelling.shift(dt.timedelta(minutes=1))
    ask_for_code(by_mail)
    give_code(by_mail, latest_code(), "/accounts/login/code/confirm/")
    give_code(by_mail, app_code(secret))
    opened = [
        {member.organization for member in memberships(ana_user, browser.session).usable}
        for browser in (by_old_password, by_mail)
    ]
    assert opened == [{globex}, {acme, globex}]


# Setting one up -------------------------------------------------------------------------------------------------------


def enrol(browser: Client) -> str:
    """Set an app up; return its secret."""
    browser.get(SET_UP)
    secret = str(browser.session[totp.SECRET_SESSION_KEY])
    assert give_code(browser, app_code(secret), SET_UP).headers["Location"] == CODES
    return secret


def test_setting_up_leads_over_the_recovery_codes_to_where_staff_wanted_to_go(
    stella: User, travelling: Any, subjects: Subjects
):
    browser = at(HOME)
    by_password(browser)
    browser.get(page("members.Member"), follow=True)
    enrol(browser)
    shown = browser.get(CODES).content.decode()
    assert all(code in shown for code in recovery_codes(stella))
    assert f'action="{page("members.Member")}"' in shown
    assert arrives_at(browser, page("members.Member")) == page("members.Member")
    assert subjects() == ["The second factor of your Torii account was changed"]
    assert history(stella) == ["Signed in", "Second factor set up"]


def test_a_wrong_code_sets_nothing_up(stella: User):
    browser = at(HOME)
    by_password(browser)
    browser.get(SET_UP)
    answer = give_code(browser, wrong_code(str(browser.session[totp.SECRET_SESSION_KEY])), SET_UP)
    assert "not the app’s present code" in answer.content.decode()
    assert not second_factor.is_set_up(stella)
    assert arrives_at(browser) == SET_UP


def test_recovery_codes_are_shown_once_and_can_be_downloaded(stella: User, travelling: Any):
    browser = at(HOME)
    by_password(browser)
    enrol(browser)
    codes = recovery_codes(stella)
    first, second = browser.get(CODES), browser.get(CODES)
    assert first.headers["Cache-Control"] == "no-store"
    [download] = re.findall(
        r'download="torii-recovery-codes.txt" href="data:text/plain;charset=utf-8,([^"]+)"', first.content.decode()
    )
    assert [line for line in unquote(download).splitlines() if line in codes] == codes
    assert not [code for code in codes if code in second.content.decode()]
    assert "10 of 10 are unused" in text_of(second)


def test_an_old_session_cannot_set_one_up(stella: User, travelling: time_machine.Traveller):
    by_mail = User.objects.create_superuser("sam@vendor.example")
    for user, leads_to in ((stella, "/accounts/reauthenticate/"), (by_mail, "/accounts/login/")):
        browser = at(HOME)
        browser.force_login(user, backend=SIGN_IN)
        for answer in (browser.get(SET_UP), give_code(browser, "123456", SET_UP)):
            assert answer.headers["Location"].startswith(leads_to)
            browser.force_login(user, backend=SIGN_IN)
    again = at(HOME)
    by_password(again)
    travelling.shift(dt.timedelta(minutes=14))
    assert again.get(SET_UP).status_code == 200
    travelling.shift(dt.timedelta(minutes=2))
    assert again.get(SET_UP, follow=True).request["PATH_INFO"] == "/accounts/reauthenticate/"
    again.post(f"/accounts/reauthenticate/?next={SET_UP}", {"password": PASSWORD})
    assert again.get(SET_UP).status_code == 200


def test_secrets_are_stored_encrypted_and_outlive_a_change_of_the_secret_key(
    stella: User, travelling: Any, settings: Any
):
    browser = at(HOME)
    by_password(browser)
    secret = enrol(browser)
    stored = {each.type: each.data for each in Authenticator.objects.filter(user=stella)}
    assert secret not in str(stored)
    codes = recovery_codes(stella)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another secret for tests that is long enough for production"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert recovery_codes(stella) == codes
    assert second_factor.take_code(stella, app_code(secret, 1)) is not None
    # Whoever has signed in meanwhile doesn't need the former value any more.
    settings.SECRET_KEY_FALLBACKS = []
    assert recovery_codes(stella) == codes
    travelling.shift(dt.timedelta(minutes=2))
    assert second_factor.take_code(stella, app_code(secret)) is not None
    settings.SECRET_KEY = "a third secret for tests that is long enough for production"
    travelling.shift(dt.timedelta(minutes=2))
    assert second_factor.take_code(stella, app_code(secret)) is None
    assert recovery_codes(stella) != codes


# Codes work once, and guesses are few ---------------------------------------------------------------------------------


def test_a_code_of_the_app_works_once_wherever_it_arrives(
    stella: User, secret: str, travelling: time_machine.Traveller
):
    code = app_code(secret)
    first = at(HOME)
    by_password(first)
    give_code(first, code)
    assert is_signed_in(first)
    for seconds, spelled in ((0, code), (1, f"{code[:3]} {code[3:]}"), (31, code), (45, code)):
        travelling.shift(dt.timedelta(seconds=seconds))
        # Another process, or one that was restarted, remembers nothing.
        cache.clear()
        thief = at(SERVER)
        by_password(thief)
        give_code(thief, spelled)
        assert not is_signed_in(thief)


def test_a_code_from_before_the_last_one_does_not_work_any_more(stella: User, secret: str, travelling: Any):
    assert second_factor.take_code(stella, app_code(secret)) is not None
    assert second_factor.take_code(stella, app_code(secret, -1)) is None
    assert second_factor.take_code(stella, app_code(secret, 1)) is not None


def test_the_code_that_has_set_an_app_up_does_not_sign_in(stella: User, travelling: Any):
    browser = at(HOME)
    by_password(browser)
    code = app_code(enrol(browser))
    thief = at(SERVER)
    by_password(thief)
    give_code(thief, code)
    assert not is_signed_in(thief)


def test_a_recovery_code_works_once_and_is_told_and_recorded(
    stella: User, secret: str, acme: Organization, subjects: Subjects
):
    member = staff_member(acme, STELLA, "Read Only")
    code, *others = recovery_codes(stella)
    for works in (True, False):
        browser = at(HOME)
        by_password(browser)
        give_code(browser, code)
        assert is_signed_in(browser) is works
    assert recovery_codes(stella) == others
    assert subjects().count("A recovery code of your Torii account was used") == 1
    assert "9 of them are left" in str(mail.outbox[0].body)
    [event] = Event.objects.filter(action=Action.RECOVERY_CODE_USED)
    assert (event.organization, event.target_id, event.changes) == (acme, str(member.pk), {"left": 9})
    assert "Recovery code used" in history(stella)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_one_code_at_once_one_comes_in(stella: User, secret: str):
    for code in (app_code(secret), recovery_codes(stella)[0]):
        taken = at_once(*[lambda code=code: second_factor.take_code(stella, code) is not None for _ in range(4)])
        assert sorted(taken) == [False, False, False, True]


def test_guesses_are_limited_by_account_and_network_and_lock_nobody_else_out(
    stella: User, secret: str, travelling: time_machine.Traveller
):
    thief = at(SERVER)
    by_password(thief)
    for _ in range(FACTORS[0].most):
        assert "not the app’s present code" in give_code(thief, wrong_code(secret)).content.decode()
    assert "Too many attempts" in give_code(thief, app_code(secret)).content.decode()
    for anew in (thief, at(SERVER)):
        by_password(anew)
        give_code(anew, app_code(secret))
        assert not is_signed_in(anew)
    owner = at(HOME)
    by_password(owner)
    give_code(owner, app_code(secret))
    assert is_signed_in(owner)
    assert history(stella).count("Second factor refused after too many attempts") == 1


def test_guesses_from_many_networks_end_too_and_a_known_browser_still_comes_in(
    stella: User, secret: str, travelling: time_machine.Traveller
):
    owner = at(HOME)
    by_password(owner)
    give_code(owner, app_code(secret))
    owner.post("/accounts/logout/")
    travelling.shift(dt.timedelta(minutes=1))
    answers = []
    for number in range(FACTORS_OF_ACCOUNT.most // FACTORS[0].most + 1):
        thief = at(f"198.51.100.{100 + number}")
        thief.force_login(stella, backend=SIGN_IN)
        answers += [give_code(thief, wrong_code(secret), AGAIN) for _ in range(FACTORS[0].most)]
    told = ["Too many" in answer.content.decode() for answer in answers]
    assert told == [False] * FACTORS_OF_ACCOUNT.most + [True] * FACTORS[0].most
    by_password(owner)
    give_code(owner, app_code(secret))
    assert is_signed_in(owner)


def test_failures_are_one_event_a_minute(stella: User, secret: str, acme: Organization, travelling: Any):
    staff_member(acme, STELLA, "Read Only")
    thief = at(SERVER)
    by_password(thief)
    for _ in range(4):
        give_code(thief, wrong_code(secret))
    Limit(f"event {Action.SECOND_FACTOR_FAILED}", 1, 60).by(STELLA).forget()
    give_code(thief, wrong_code(secret))
    failed = Event.objects.filter(organization=acme, action=Action.SECOND_FACTOR_FAILED)
    assert {event.ip for event in failed} == {SERVER}
    assert sorted(event.changes["attempts"] for event in failed) == [1, 4]
    assert history(stella).count("Second factor failed") == 2


@pytest.mark.parametrize("code", ["", " ", "١٢٣٤٥٦", "0" * 100_000, "12345", "null\0", "🔑" * 6, "-1"])
def test_no_code_is_a_fault(code: str, stella: User, secret: str):
    browser = at(HOME)
    by_password(browser)
    assert give_code(browser, code).status_code in (200, 302, 400)
    assert not is_signed_in(browser)


# Asking again, removing, resetting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [REMOVAL, NEW_CODES, CODES])
def test_changes_ask_for_the_second_factor_again(
    path: str, stella: User, secret: str, travelling: time_machine.Traveller
):
    browser = at(HOME)
    by_password(browser)
    give_code(browser, app_code(secret))
    assert browser.get(path).status_code == 200
    travelling.shift(dt.timedelta(minutes=16))
    assert browser.get(path).headers["Location"].startswith(AGAIN)
    # The password is no second factor.
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.get(path).headers["Location"].startswith(AGAIN)
    give_code(browser, app_code(secret), f"{AGAIN}?next={path}")
    assert browser.get(path).status_code == 200
    travelling.shift(dt.timedelta(minutes=16))
    codes = recovery_codes(stella)
    assert browser.post(path).headers["Location"].startswith(AGAIN)
    assert recovery_codes(stella) == codes


def test_a_recent_proof_is_what_somebody_has(ana_user: User, travelling: time_machine.Traveller):
    browser = at(HOME)
    try_password(browser, PASSWORD)

    def recent() -> bool:
        request = browser.get("/accounts/second-factor/").wsgi_request
        return is_recent(request)

    assert recent()
    travelling.shift(dt.timedelta(minutes=16))
    assert not recent()
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert recent()
    secret = set_up_second_factor(ana_user)
    assert not recent(), "from now on, the second factor alone counts"
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert not recent()
    give_code(browser, app_code(secret), AGAIN)
    assert recent()


def test_a_member_may_set_one_up_and_remove_it(
    ana_user: User, acme: Organization, travelling: time_machine.Traveller, subjects: Subjects
):
    browser = at(HOME)
    try_password(browser, PASSWORD)
    secret = enrol(browser)
    browser.post("/accounts/logout/")
    try_password(browser, PASSWORD)
    assert not is_signed_in(browser)
    travelling.shift(dt.timedelta(minutes=1))
    give_code(browser, app_code(secret))
    assert is_signed_in(browser)
    assert browser.post(REMOVAL).status_code == 302
    assert not Authenticator.objects.exists()
    actions = Event.objects.filter(organization=acme).values_list("action", flat=True)
    own = sorted(action for action in actions if action.startswith(("sign_in.", "second_factor.")))
    assert own == ["second_factor.removed", "second_factor.set_up", "sign_in.succeeded", "sign_in.succeeded"]
    assert subjects() == ["The second factor of your Torii account was changed"] * 2


def test_a_session_is_not_proven_by_an_app_that_is_gone(stella: User):
    browser = sign_in_staff(at(HOME), stella)
    assert arrives_at(browser) == "/admin/"
    Authenticator.objects.all().delete()
    assert arrives_at(browser) == "/accounts/reauthenticate/", "which leads to setting another one up"
    set_up_second_factor(stella)
    assert arrives_at(browser) == AGAIN


def reset_page(user: User) -> str:
    return page("members.User", "change", user.pk).replace("change/", "reset_second_factor/")


def test_a_superuser_resets_the_second_factor_of_another(
    admin: Client, stella: User, acme: Organization, subjects: Subjects
):
    sam = User.objects.create_superuser("sam@vendor.example", PASSWORD)
    staff_member(acme, sam.email, "Read Only")
    his = sign_in_staff(at(SERVER), sam)
    assert "Reset second factor" in admin.get(page("members.User", "change", sam.pk)).content.decode()
    admin.post(reset_page(sam), {"_form_submitted": "True"})
    assert not Authenticator.objects.filter(user=sam).exists()
    assert his.get("/admin/").headers["Location"] == SET_UP
    assert subjects() == ["The second factor of your Torii account was changed"]
    assert mail.outbox[0].to == ["sam@vendor.example"]
    assert history(sam) == ["Second factor reset"]
    assert LogEntry.objects.get(object_id=sam.pk).user == stella
    [event] = Event.objects.filter(action=Action.SECOND_FACTOR_RESET)
    assert (event.organization, event.actor_kind, event.actor_label) == (acme, "staff", STELLA)
    assert "Reset second factor" not in admin.get(page("members.User", "change", sam.pk)).content.decode()


def test_wrong_passwords_are_limited_where_one_is_asked_for_again(ana_user: User):
    browser = at(HOME)
    try_password(browser, PASSWORD)
    for _ in range(5):
        browser.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert "Too many attempts" in text_of(browser.post("/accounts/reauthenticate/", {"password": PASSWORD}))


def test_nobody_resets_their_own_nor_without_being_a_superuser(admin: Client, stella: User):
    admin.post(reset_page(stella), {"_form_submitted": "True"})
    assert second_factor.is_set_up(stella)
    helper = User.objects.create_user("helper@vendor.example", is_staff=True)
    helpers = sign_in_staff(at(SERVER), helper)
    for user in (stella, helper):
        assert helpers.post(reset_page(user), {"_form_submitted": "True"}).status_code == 403
        assert second_factor.is_set_up(user)
    assert Client().post(reset_page(stella), {"_form_submitted": "True"}).status_code == 302
    assert admin.post(page("members.User", "change", 0).replace("change/", "reset_second_factor/")).status_code in (
        302,
        403,
        404,
    )


def test_an_operator_resets_the_only_superusers(stella: User, secret: str, subjects: Subjects):
    out = io.StringIO()
    call_command("reset_second_factor", "Stella@Vendor.example", stdout=out)
    assert out.getvalue() == f"The second factor of {STELLA} is reset.\n"
    assert not Authenticator.objects.exists()
    assert subjects() == ["The second factor of your Torii account was changed"]
    assert "From: the command line" in str(mail.outbox[0].body)
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "Second factor reset (the command line)"
    browser = at(HOME)
    by_password(browser)
    assert arrives_at(browser) == SET_UP
    call_command("reset_second_factor", STELLA, stdout=out)
    assert out.getvalue().endswith(f"{STELLA} has no second factor.\n")
    assert len(subjects()) == 1
    with pytest.raises(CommandError, match="No user has the address"):
        call_command("reset_second_factor", "nobody@vendor.example")


def test_no_page_of_the_staff_admin_shows_what_codes_are_made_of(admin: Client):
    assert admin.get("/admin/mfa/authenticator/").status_code == 404


def test_the_way_on_leads_to_no_other_host(stella: User, secret: str, travelling: Any):
    browser = at(HOME)
    browser.force_login(stella, backend=SIGN_IN)
    answer = give_code(browser, app_code(secret), f"{AGAIN}?next=https://evil.example/")
    assert answer.headers["Location"] == "/settings/"


def test_setting_up_leads_on_to_no_other_host(stella: User, travelling: Any):
    browser = at(HOME)
    by_password(browser)
    for path in ("//evil.example/", "/\\evil.example/"):
        browser.get("/", PATH_INFO=path)
        assert browser.session[NEXT] == "/settings/"


def test_the_history_of_a_member_of_staff_tells_of_their_account(admin: Client, stella: User):
    by_password(at(SERVER))
    by_code(at(SERVER))
    browser = at(SERVER)
    by_password(browser)
    give_code(browser, recovery_codes(stella)[0])
    told = text_of(admin.get(page("members.User", "change", stella.pk).replace("change/", "history/")))
    assert f"Recovery code used (left: 9, {SERVER})" in told
    link = admin.get(page("members.User", "change", stella.pk).replace("change/", "account_history/"))
    assert link.headers["Location"].endswith("/history/")
