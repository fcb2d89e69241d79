"""Settings > API Access: the list of keys, a new key, and the end of one."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apikeys.models import ApiKey
from audit.models import Action, Event
from members.models import Organization
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import SignIn, asked, text_of

LIST = f"{ACME}/api-access"
NEW = f"{ACME}/api-access/keys/new"


def deletion_of(api_key: ApiKey) -> str:
    return f"{ACME}/api-access/keys/{api_key.key_id}/deletion"


# The list


def test_keys_are_listed_newest_first_with_what_may_be_shown_of_them(acme, ana_browser):
    old = new_key(acme, description="Okta sandbox")
    new = new_key(acme, description="Monthly report", kind="api_read")
    answer = ana_browser.get(LIST)
    words = text_of(answer)
    assert words.index("Monthly report") < words.index("Okta sandbox")
    for made in (old, new):
        assert made.api_key.hint in words
        assert made.text not in answer.content.decode()
    assert "Torii API (read-only)" in words
    assert "by tests" in words


def test_the_list_says_when_and_from_where_a_key_was_last_used(acme, ana_browser):
    used = new_key(acme, description="Used").api_key
    new_key(acme, description="Unused")
    at = timezone.now() - dt.timedelta(minutes=2)
    ApiKey.objects.filter(pk=used.pk).update(last_used_at=at, last_used_ip="203.0.113.7")
    answer = ana_browser.get(LIST)
    assert "2 minutes ago" in text_of(answer)
    assert "Never used" in text_of(answer)
    assert f'title="{at.day} {at:%b %Y, %H:%M} (UTC) from 203.0.113.7"' in answer.content.decode()


def test_a_key_goes_from_live_to_expiring_to_expired_and_stays_in_the_list(acme, ana, sign_in: SignIn):
    born = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    with time_machine.travel(born, tick=False):
        new_key(acme, description="Okta", expires_on=dt.date(2026, 6, 1))
    for moment, pill in [
        (dt.datetime(2026, 4, 30, 12, tzinfo=dt.UTC), '<span class="pill green">Live</span>'),
        (dt.datetime(2026, 5, 2, 12, tzinfo=dt.UTC), '<span class="pill amber">Expires soon</span>'),
        (dt.datetime(2026, 6, 1, 0, tzinfo=dt.UTC), '<span class="pill expired">Expired</span>'),
    ]:
        with time_machine.travel(moment, tick=False):
            page = sign_in(ana).get(LIST).content.decode()
        assert pill in page
        assert ">1 Jun 2026</time>" in page


def test_deleted_keys_are_not_listed_and_an_empty_list_offers_a_key(acme, ana_browser):
    new_key(acme, description="Deleted long ago").api_key.delete_key(by=SETUP)
    answer = ana_browser.get(LIST)
    assert "Deleted long ago" not in text_of(answer)
    assert "No keys yet." in text_of(answer)
    assert answer.content.decode().count(f'href="{NEW}"') == 1


def test_what_an_admin_types_is_shown_as_text(acme, ana_browser):
    made = new_key(acme, description="<script>alert(1)</script>\"'&").api_key
    for path in (LIST, deletion_of(made), f"{ACME}/security/scim/deactivation"):
        page = ana_browser.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in page


def test_the_list_takes_as_many_queries_for_thirty_keys_as_for_one(acme, ana_browser, django_assert_num_queries):
    new_key(acme)
    with django_assert_num_queries(6):
        ana_browser.get(LIST)
    for number in range(30):
        new_key(acme, description=f"Key {number}", expires_on=timezone.now().date() + dt.timedelta(days=7))
    with django_assert_num_queries(6):
        assert ana_browser.get(LIST).content.count(b"pill amber") == 30


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_sees_the_list_and_no_buttons(request, acme, sign_in: SignIn, who: str):
    api_key = new_key(acme).api_key
    browser = sign_in(request.getfixturevalue(who))
    before = Event.objects.count()
    answer = browser.get(LIST)
    assert "Only an Admin can generate, rotate and delete keys." in text_of(answer)
    assert "data-dialog" not in answer.content.decode()
    assert browser.get(NEW).status_code == browser.post(NEW, asked()).status_code == 403
    assert browser.get(deletion_of(api_key)).status_code == browser.post(deletion_of(api_key)).status_code == 403
    assert acme.api_keys.existing().count() == 1
    assert Event.objects.count() == before


# A new key


def test_an_admin_generates_a_key(acme, ana, ana_browser):
    answer = ana_browser.post(NEW, asked(description="  Okta production "))
    assert answer.status_code == 200
    api_key = acme.api_keys.get()
    assert (api_key.kind, api_key.description) == ("scim", "Okta production")
    assert (api_key.created_by, api_key.created_by_label) == (ana, "Ana Admin")
    event = Event.objects.get(action=Action.API_KEY_GENERATED)
    assert (event.actor_id, event.ip, event.target_id) == (str(ana.pk), "127.0.0.1", str(api_key.pk))


@pytest.mark.parametrize("kind", ApiKey.Kind.values)
def test_each_type_is_made_as_chosen_and_says_where_it_goes(acme, ana_browser, kind: str):
    answer = ana_browser.post(NEW, asked(kind=kind))
    assert acme.api_keys.get().kind == kind
    assert ("HTTP Header" in text_of(answer)) == (kind == "scim")
    assert ("In a script" in text_of(answer)) == (kind != "scim")


@pytest.mark.parametrize(
    ("choice", "expires_on"),
    [
        ("30-days", dt.date(2026, 12, 24)),
        ("90-days", dt.date(2027, 2, 22)),
        ("180-days", dt.date(2027, 5, 23)),
        ("365-days", dt.date(2027, 11, 24)),
        ("never", None),
    ],
)
def test_presets_count_from_today_in_the_organizations_time_zone(acme, ana, sign_in, choice, expires_on):
    """At 23:30 UTC on the 23rd it is the 24th in Berlin."""
    Organization.objects.filter(pk=acme.pk).update(time_zone="Europe/Berlin")
    with time_machine.travel(dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC), tick=False):
        answer = sign_in(ana).post(NEW, asked(expiration=choice, expires_on="2030-01-01"))
    assert acme.api_keys.get().expires_on == expires_on
    if expires_on:
        assert f"Valid until {expires_on.day} {expires_on:%b %Y}, 00:00 (Europe/Berlin)" in text_of(answer)


def test_a_date_of_ones_own(acme, ana_browser, today):
    date = today + dt.timedelta(days=400)
    ana_browser.post(NEW, asked(expiration="date", expires_on=date.isoformat()))
    assert acme.api_keys.get().expires_on == date


def test_the_form_prints_the_instant_of_every_preset_and_takes_no_day_before_tomorrow(acme, ana, sign_in):
    Organization.objects.filter(pk=acme.pk).update(time_zone="Europe/Berlin")
    with time_machine.travel(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), tick=False):
        answer = sign_in(ana).get(NEW)
    for instant in ("23 Dec 2026", "21 Feb 2027", "22 May 2027", "23 Nov 2027"):
        assert f"Valid until {instant}, 00:00 (Europe/Berlin)" in text_of(answer)
    assert 'min="2026-11-24"' in answer.content.decode()
    assert '<input type="radio" name="expiration" value="365-days" required checked>' in answer.content.decode()


def test_the_form_names_no_hour_for_a_day_of_which_it_knows_none(acme, ana, sign_in):
    """Where the clock skips midnight, the day begins at 01:00; only a script says which day was chosen."""
    Organization.objects.filter(pk=acme.pk).update(time_zone="Africa/Cairo")
    page = sign_in(ana).get(NEW).content.decode()
    assert '<span data-until="Africa/Cairo">Valid until that day begins (Africa/Cairo)</span>' in page


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"description": " "}, "Write a description"),
        ({"description": "x" * 121}, "at most 120 characters"),
        ({"kind": ""}, "This field is required."),
        ({"kind": "root"}, "Choose one of these types."),
        ({"expiration": ""}, "Choose when the key expires."),
        ({"expiration": "date", "expires_on": ""}, "Choose a date, or one of the other expirations."),
        ({"expiration": "date", "expires_on": "soon"}, "Write the date as year-month-day"),
        ({"expiration": "date", "expires_on": "2020-01-01"}, "The expiration date must be in the future."),
        ({"expiration": "date", "expires_on": "0001-01-01"}, "The expiration date must be in the future."),
        ({"form_token": "x"}, "Enter a valid UUID."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(acme, ana_browser, fields, error):
    answer = ana_browser.post(NEW, asked(**fields))
    assert answer.status_code == 422
    assert error in text_of(answer)
    assert acme.api_keys.count() == 0
    assert not Event.objects.filter(action=Action.API_KEY_GENERATED).exists()


def test_today_is_no_date_in_the_future(acme, ana_browser, today):
    answer = ana_browser.post(NEW, asked(expiration="date", expires_on=today.isoformat()))
    assert answer.status_code == 422
    assert "The expiration date must be in the future." in text_of(answer)


def test_what_was_typed_is_kept_when_something_is_wrong(ana_browser):
    token = "0198c0de-0000-7000-8000-000000000001"
    page = ana_browser.post(
        NEW,
        asked(
            kind="api_write", description="Nightly “sync”", expiration="date", expires_on="2020-01-01", form_token=token
        ),
    ).content.decode()
    assert 'value="api_write" required checked' in page
    assert 'value="Nightly “sync”"' in page
    assert 'name="expiration" value="date" checked' in page
    assert 'value="2020-01-01"' in page
    assert f'value="{token}"' in page


# The end of one


def test_deleting_asks_first_and_says_what_happens(acme, ana_browser):
    api_key = new_key(acme, description="Okta production").api_key
    answer = ana_browser.get(deletion_of(api_key))
    assert "will get 401 from the next request on" in text_of(answer)
    assert api_key.hint in text_of(answer)
    assert "The key is in use" not in text_of(answer)
    api_key.refresh_from_db()
    assert api_key.deleted_at is None


def test_deleting_a_key_in_use_warns_when_and_from_where(acme, ana_browser):
    api_key = new_key(acme).api_key
    for hours, warned in ((23, True), (25, False)):
        at = timezone.now() - dt.timedelta(hours=hours)
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=at, last_used_ip="203.0.113.7")
        words = text_of(ana_browser.get(deletion_of(api_key)))
        assert ("The key is in use" in words) == warned
        assert ("the last request came 23 hours ago from 203.0.113.7" in words) == warned


def test_a_confirmed_deletion_is_final(acme, ana_browser):
    api_key = new_key(acme, description="Okta production").api_key
    answer = ana_browser.post(deletion_of(api_key), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "The key “Okta production” was deleted." in text_of(answer)
    api_key.refresh_from_db()
    assert api_key.deleted_at
    assert api_key.digest is None
    event = Event.objects.get(action=Action.API_KEY_DELETED)
    assert (event.actor_label, event.target_id) == ("Ana Admin", str(api_key.pk))
    assert ana_browser.post(deletion_of(api_key)).status_code == 404
    assert ana_browser.get(deletion_of(api_key)).status_code == 404


def test_in_the_dialog_a_confirmed_deletion_leads_out_of_it(acme, ana_browser: Client):
    api_key = new_key(acme).api_key
    answer = ana_browser.post(deletion_of(api_key), headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == LIST


def test_an_expired_key_can_be_deleted_without_alarm(acme, ana_browser):
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        api_key = new_key(acme, expires_on=dt.date(2026, 2, 1)).api_key
    words = text_of(ana_browser.get(deletion_of(api_key)))
    assert "The key has expired, so nothing uses it any more." in words
    assert "401" not in words
    ana_browser.post(deletion_of(api_key))
    api_key.refresh_from_db()
    assert api_key.deleted_at
