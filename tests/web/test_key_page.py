"""The page of one key: what is known of it, who was told what, and from where it is used."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django.utils.html import escape

from apikeys.models import ApiKey, KnownOrigin, Notice
from audit.actor import Origin
from audit.models import Action, Event
from members.models import Organization
from tests.conftest import ACME, SETUP, new_key
from tests.rotations import HOUR, rotated, use
from tests.web.conftest import SignIn, text_of

LIST = f"{ACME}/api-access"
NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
OKTA = Origin("203.0.113.7", "Okta SCIM Client 1.0.0")
THIEF = Origin("198.51.100.20", "curl/8.9")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def page_of(api_key: ApiKey) -> str:
    return f"{LIST}/keys/{api_key.key_id}"


def rows(page: str, caption: str) -> list[str]:
    """Return the words of each row of one table of the page."""
    table = re.search(rf">{caption}</caption>.*?</table>", page, re.DOTALL)
    found = re.findall(r"<tr.*?</tr>", table[0], re.DOTALL) if table else []
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found[1:]]


def meet(api_key: ApiKey, origin: Origin, **fields: Any) -> None:
    KnownOrigin.objects.all().meet(api_key, origin, timezone.now(), **fields)
    api_key.refresh_from_db()


def test_the_list_leads_to_the_page_of_each_key(acme, ana_browser):
    api_key = new_key(acme, description="Okta production").api_key
    link = f'<a class="row-link" href="{page_of(api_key)}"><bdi>Okta production</bdi></a>'
    assert link in ana_browser.get(LIST).content.decode()


def test_the_page_has_what_is_known_of_the_key_and_not_its_text(acme, ana_browser):
    Organization.objects.filter(pk=acme.pk).update(time_zone="Europe/Berlin")
    acme.refresh_from_db()
    made = new_key(acme, expires_on=dt.date(2027, 6, 1), allowed_networks=["203.0.113.0/24"])
    use(made.api_key, 2 * HOUR, first=True)
    answer = ana_browser.get(page_of(made.api_key))
    words = text_of(answer)
    for fact in (
        "Type Torii SCIM",
        "Created 1 Mar 2027, 13:00 (Europe/Berlin) by tests",
        "Expires 1 Jun 2027, 00:00 (Europe/Berlin)",
        "First used 1 Mar 2027, 11:00 (Europe/Berlin)",
        "Last used 2 hours ago from 203.0.113.7 Okta SCIM Client 1.0.0",
        "Allowed networks 203.0.113.0/24",
    ):
        assert fact in words
    assert made.api_key.hint in words
    assert made.text not in answer.content.decode()


def test_a_key_that_never_expires_and_was_never_used_says_so(acme, ana_browser):
    words = text_of(ana_browser.get(page_of(new_key(acme).api_key)))
    for fact in (
        "Expires Never",
        "First used Not yet",
        "Last used Never",
        "Allowed networks All",
        "The key has not been used yet.",
        "The key never expires, so nobody is reminded of it.",
    ):
        assert fact in words


def test_the_pages_of_a_pair_lead_to_one_another(acme, ana_browser):
    old, new = rotated(acme, "both")
    page = ana_browser.get(page_of(old)).content.decode()
    assert f'<dt>Replaced by</dt><dd><a href="{page_of(new)}">' in page
    assert "Something still uses the old key, last from 203.0.113.7." in page
    assert "/rotation" not in page
    page = ana_browser.get(page_of(new)).content.decode()
    assert f'<dt>Replaces</dt><dd><a href="{page_of(old)}">' in page
    assert f'href="{page_of(new)}/rotation" data-dialog' in page
    old.delete_key(by=SETUP)
    words = text_of(ana_browser.get(page_of(new)))
    assert f"Replaces {old.hint} , deleted 1 Mar 2027" in words


def test_an_expired_key_can_only_be_deleted(acme, ana_browser):
    with time_machine.travel(NOW - dt.timedelta(days=90)):
        api_key = new_key(acme, expires_on=dt.date(2027, 2, 1)).api_key
    answer = ana_browser.get(page_of(api_key))
    assert "Expired 1 Feb 2027, 00:00 (UTC)" in text_of(answer)
    assert f"{page_of(api_key)}/deletion" in answer.content.decode()
    assert "/rotation" not in answer.content.decode()


def test_the_reminders_say_who_was_told_when_and_what_the_server_said(acme, ana_browser):
    with time_machine.travel(NOW - dt.timedelta(days=345), tick=False):
        api_key = new_key(acme, expires_on=dt.date(2027, 3, 21)).api_key
    Notice.objects.all().delete()
    notice = {"api_key": api_key, "kind": "month"}
    Notice.objects.create(recipient="ana@acme.example", sent_at=NOW - HOUR, attempts=1, **notice)
    Notice.objects.create(
        recipient="gone@acme.example", failed_at=NOW, attempts=12, failure="550 <gone> is unknown", **notice
    )
    acme.set_key_policy(by=SETUP, reminds_week_before=False)
    page = ana_browser.get(page_of(api_key)).content.decode()
    month, week, day, expiry = rows(page, "Reminders")
    assert "A month before 21 Feb 2027, 00:00 (UTC) Not delivered 1 of 2 could not be delivered" in month
    assert "ana@acme.example Sent 1 Mar 2027, 11:00 (UTC)" in month
    assert "gone@acme.example Given up 1 Mar 2027, 12:00 (UTC) after 12 attempts 550 &lt;gone&gt; is unknown" in month
    assert '<span class="sub wrong">550 &lt;gone&gt; is unknown</span>' in page
    assert "Turned off Your organization has turned it off" in week
    assert "1 day before 20 Mar 2027, 00:00 (UTC) To come Nobody yet" in day
    assert "At expiry 21 Mar 2027, 00:00 (UTC) To come Nobody yet" in expiry


def test_a_mail_that_waits_says_when_it_is_tried_again_and_why(acme, ana_browser):
    api_key = new_key(acme, expires_on=dt.date(2028, 1, 1)).api_key
    page = ana_browser.get(page_of(api_key)).content.decode()
    (generated,) = rows(page, "Other mails")
    assert "Key generated 1 Mar 2027, 12:00 (UTC) ana@acme.example Waiting to be sent" in generated
    tried = {"attempts": 3, "next_attempt_at": NOW + HOUR, "failure": "451 try later"}
    Notice.objects.filter(api_key=api_key).update(**tried)
    page = ana_browser.get(page_of(api_key)).content.decode()
    (generated,) = rows(page, "Other mails")
    assert "Tried 3 times, next attempt 1 Mar 2027, 13:00 (UTC) 451 try later" in generated
    Notice.objects.filter(api_key=api_key).update(sent_at=NOW)
    (generated,) = rows(ana_browser.get(page_of(api_key)).content.decode(), "Other mails")
    assert generated.endswith("Sent 1 Mar 2027, 12:00 (UTC)")


def test_origins_are_known_new_or_refused(acme, ana_browser):
    api_key = new_key(acme).api_key
    meet(api_key, OKTA)
    page = ana_browser.get(page_of(api_key)).content.decode()
    assert all(row.endswith("Known") for row in rows(page, "Networks and user agents"))
    assert "I know these" not in page
    meet(api_key, THIEF)
    meet(api_key, Origin("192.0.2.1", "curl/8.9"), refused=True)
    page = ana_browser.get(page_of(api_key)).content.decode()
    table = rows(page, "Networks and user agents")
    assert table == [
        "192.0.2.0/24 Network 1 Mar 2027, 12:00 (UTC) Refused",
        "198.51.100.0/24 Network 1 Mar 2027, 12:00 (UTC) New",
        "curl User agent 1 Mar 2027, 12:00 (UTC) New",
        "203.0.113.0/24 Network 1 Mar 2027, 12:00 (UTC) Known",
        "Okta SCIM Client User agent 1 Mar 2027, 12:00 (UTC) Known",
    ]
    assert page.count('<span class="pill amber">New</span>') == 2
    assert page.count('<span class="pill red">Refused</span>') == 1
    assert "I know these" in page


def test_an_admin_knows_the_new_origins(acme, ana, ana_browser):
    api_key = new_key(acme).api_key
    meet(api_key, OKTA)
    meet(api_key, THIEF)
    assert "New network" in text_of(ana_browser.get(LIST))
    answer = ana_browser.post(f"{page_of(api_key)}/origins", follow=True)
    assert answer.redirect_chain == [(page_of(api_key), 302)]
    assert "you know from where “Okta” is used." in text_of(answer)
    assert "I know these" not in text_of(answer)
    api_key.refresh_from_db()
    assert api_key.new_origin_at is None
    assert not api_key.origins.filter(is_new=True).exists()
    event = Event.objects.get(action=Action.API_KEY_ORIGIN_ACCEPTED)
    assert (event.actor_id, event.target_id) == (str(ana.pk), str(api_key.pk))
    assert event.changes == {"origins": ["198.51.100.0/24", "curl"]}
    assert "New network" not in text_of(ana_browser.get(LIST))
    ana_browser.post(f"{page_of(api_key)}/origins")
    assert Event.objects.filter(action=Action.API_KEY_ORIGIN_ACCEPTED).count() == 1


def test_coming_back_from_the_sign_in_page_accepts_nothing(acme, ana_browser):
    api_key = new_key(acme).api_key
    meet(api_key, OKTA)
    meet(api_key, THIEF)
    assert ana_browser.get(f"{page_of(api_key)}/origins")["Location"] == page_of(api_key)
    api_key.refresh_from_db()
    assert api_key.new_origin_at


def test_what_machines_say_of_themselves_is_shown_as_text(acme, ana_browser):
    api_key = new_key(acme, description="<b>Okta</b>").api_key
    meet(api_key, Origin("203.0.113.7", "<img src=x>"))
    ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=NOW, last_used_user_agent="<script>alert(1)</script>")
    Notice.objects.filter(api_key=api_key).update(attempts=1, failure="<i>no</i>")
    page = ana_browser.get(page_of(api_key)).content.decode()
    for markup in ("<b>Okta", "<img src", "<script>alert", "<i>no"):
        assert markup not in page
        assert escape(markup) in page


def test_a_deleted_key_has_no_page(acme, ana_browser):
    api_key = new_key(acme).api_key
    api_key.delete_key(by=SETUP)
    for path in (page_of(api_key), f"{page_of(api_key)}/origins"):
        assert ana_browser.get(path).status_code == ana_browser.post(path).status_code == 404


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_sees_the_page_and_changes_nothing(request, acme, sign_in: SignIn, who: str):
    api_key = new_key(acme).api_key
    meet(api_key, OKTA)
    meet(api_key, THIEF)
    browser = sign_in(request.getfixturevalue(who))
    answer = browser.get(page_of(api_key))
    assert answer.status_code == 200
    assert "New" in text_of(answer)
    for gone in ("I know these", "data-dialog", f'method="post" action="{ACME}/api-access'):
        assert gone not in answer.content.decode()
    before = Event.objects.count()
    assert browser.post(f"{page_of(api_key)}/origins").status_code == 403
    api_key.refresh_from_db()
    assert api_key.new_origin_at
    assert Event.objects.count() == before


def test_the_page_takes_as_many_queries_for_many_mails_as_for_one(acme, ana_browser, django_assert_num_queries):
    api_key = new_key(acme, expires_on=dt.date(2027, 3, 21)).api_key
    with django_assert_num_queries(8):
        ana_browser.get(page_of(api_key))
    for number in range(20):
        for kind in ("month", "new_origin"):
            Notice.objects.create(api_key=api_key, kind=kind, recipient=f"p{number}@acme.example")
        meet(api_key, Origin(f"192.0.{number}.1", f"Agent{number}x/1"))
    with django_assert_num_queries(8):
        ana_browser.get(page_of(api_key))
