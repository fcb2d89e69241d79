"""A key and the one that it replaces, together in the list, and what is said of them."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import ApiKey, KnownOrigin, Notice
from members.models import Organization
from tests.conftest import ACME, SETUP, new_key
from tests.rotations import HOUR, rotated, use
from tests.web.conftest import text_of

LIST = f"{ACME}/api-access"
NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def parts(page: str) -> list[list[str]]:
    """Return the rows of each `tbody`, as their words."""
    bodies = re.findall(r"<tbody.*?</tbody>", page, re.DOTALL)
    rows = [re.findall(r"<tr.*?</tr>", body, re.DOTALL) for body in bodies]
    return [[" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body] for body in rows]


def test_the_new_key_stands_before_the_old_one_and_both_before_what_is_said_of_them(acme, ana_browser):
    old, new = rotated(acme, "unused")
    new_key(acme, description="A script", kind="api_read")
    page = ana_browser.get(LIST).content.decode()
    pair, script = parts(page)
    assert len(script) == 1
    assert len(pair) == 3
    assert new.hint in pair[0]
    assert "New" in pair[0]
    assert old.hint in pair[1]
    assert "Old" in pair[1]
    assert 'class="pair"' in page
    assert "Paste the new key into Okta" in pair[2]


SAID = {
    ("unused", False): (
        "Paste the new key into Okta; don’t delete the old one yet. "
        "New key not used yet; old key last used 3 hours ago."
    ),
    ("unused", True): (
        "The old key will be deleted by itself once the new key is in use and it has been silent for 24 hours."
    ),
    ("both", False): (
        "Something still uses the old key, last from 203.0.113.7. "
        "New key first used 2 hours ago; old key last used 3 minutes ago. "
        "It is safe to delete after 24 hours of silence."
    ),
    ("both", True): "The old key will be deleted by itself once it has been silent for 24 hours.",
    ("silent", False): (
        "Safe to delete from 2 Mar 2027, 07:00 (UTC) if it stays silent. "
        "New key first used 5 hours ago; old key last used 6 hours ago."
    ),
    ("silent", True): "The old key will be deleted by itself on 2 Mar 2027, 07:00 (UTC) if it stays silent.",
    ("safe", False): "The old key is safe to delete. New key first used 2 days ago; old key last used 2 days ago.",
    ("safe", True): "It will be deleted by itself soon.",
}


@pytest.mark.parametrize(("stage", "by_itself"), SAID)
def test_each_stage_says_what_it_means(acme, ana_browser, stage: str, by_itself: bool):
    old, _ = rotated(acme, stage, delete_when_silent=by_itself)
    answer = ana_browser.get(LIST)
    assert SAID[stage, by_itself] in text_of(answer).replace(" .", ".").replace(" ;", ";")
    assert f'class="handover {stage}"' in answer.content.decode()
    deletion = f'href="{LIST}/keys/{old.key_id}/deletion" data-dialog>Delete'
    assert answer.content.decode().count(deletion) == 1
    assert (f"{deletion} old key<" in answer.content.decode()) == (stage == "safe")


def test_the_stage_follows_the_clock(acme, ana, sign_in):
    old, _ = rotated(acme, "silent")
    for hours, stage in ((18, "silent"), (20, "safe")):
        with time_machine.travel(NOW + hours * HOUR, tick=False):
            assert f'class="handover {stage}"' in sign_in(ana).get(LIST).content.decode()
            if stage == "safe":
                use(old, HOUR)
                assert 'class="handover both"' in sign_in(ana).get(LIST).content.decode()


def test_a_key_for_scripts_is_not_pasted_into_okta(acme, ana_browser):
    rotated(acme, "unused", kind="api_read")
    words = text_of(ana_browser.get(LIST))
    assert "Put the new key into your script" in words
    assert "Okta" not in words.replace("Okta production", "")


def test_an_old_key_that_was_never_used_says_so(acme, ana_browser):
    old, _ = rotated(acme, "silent")
    ApiKey.objects.filter(pk=old.pk).update(last_used_at=None)
    words = text_of(ana_browser.get(LIST))
    assert "The old key was never used, so it is safe to delete." in words
    assert "old key never used" in words


def test_an_old_key_that_has_expired_stays_beside_the_new_one(acme, ana_browser):
    old, _ = rotated(acme, "unused", lifetime=345)
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        answer = ana_browser.get(LIST)
    (pair,) = parts(answer.content.decode())
    assert old.hint in pair[1]
    assert "Expired" in pair[1]
    assert "The old key has expired. Paste the new key into Okta." in pair[2]
    assert "Expired keys" not in text_of(answer)


def test_a_new_key_that_has_expired_is_not_what_makes_the_old_one_safe(acme, ana_browser):
    old, new = rotated(acme, "safe", lifetime=None)
    day_before = new.created_at.date() + dt.timedelta(days=1)
    ApiKey.objects.filter(pk=new.pk).delete()
    with time_machine.travel(new.created_at, tick=False):
        new = old.rotate(description="Okta", expires_on=day_before, by=SETUP, delete_when_silent=True).api_key
    use(new, 50 * HOUR, first=True)
    words = text_of(ana_browser.get(LIST))
    assert "The new key has expired, so only the old key works." in words
    assert "Delete the new key, then rotate the old key again." in words
    assert "safe to delete" not in words
    assert "by itself" not in words


def test_both_expired_keys_are_listed_apart(acme, ana, sign_in):
    old, new = rotated(acme, "unused", lifetime=345)
    new_key(acme, description="Still works")
    with time_machine.travel(NOW + dt.timedelta(days=400), tick=False):
        answer = sign_in(ana).get(LIST)
    page = answer.content.decode()
    live, expired = page.split('<h2 id="expired-title">Expired keys</h2>')
    assert "Still works" in live
    for api_key in (old, new):
        assert api_key.hint not in live
        assert api_key.hint in expired
        assert f"{api_key.key_id}/deletion" in expired
        assert f"{api_key.key_id}/rotation" not in page
    assert "handover" not in expired


def test_where_no_key_works_the_list_says_so(acme, ana_browser):
    new_key(acme, description="Old one", expires_on=NOW.date() + dt.timedelta(days=1))
    with time_machine.travel(NOW + dt.timedelta(days=2), tick=False):
        answer = ana_browser.get(LIST)
    assert "No key works at the moment." in text_of(answer)
    assert "Expired keys" in text_of(answer)
    assert answer.content.decode().count(f'href="{LIST}/keys/new"') == 1


def chain(acme: Organization) -> list[ApiKey]:
    """Rotate a key twice; return all three, the newest first."""
    keys = [new_key(acme, description="Okta 1").api_key]
    for number in (2, 3):
        keys.insert(0, keys[0].rotate(description=f"Okta {number}", expires_on=None, by=SETUP).api_key)
    return keys


def test_keys_rotated_twice_are_one_part_and_are_called_by_their_last_four(acme, ana_browser):
    newest, middle, oldest = chain(acme)
    use(oldest, HOUR)
    (rows,) = parts(ana_browser.get(LIST).content.decode())
    for api_key, row in ((newest, rows[0]), (middle, rows[1]), (oldest, rows[3])):
        assert api_key.hint in row
    assert f"Key …{middle.last_four} was never used, so it is safe to delete." in rows[2]
    assert f"Paste key …{newest.last_four} into Okta; don’t delete key …{oldest.last_four} yet." in rows[4]
    assert f"key …{oldest.last_four} last used 1 hour ago" in rows[4]


def test_who_skips_the_key_in_the_middle_is_told_of_the_one_in_use(acme, ana_browser):
    newest, middle, oldest = chain(acme)
    use(oldest, 60 * HOUR)
    ApiKey.objects.filter(pk=oldest.pk).update(delete_when_silent=True)
    use(newest, 50 * HOUR, first=True)
    (rows,) = parts(ana_browser.get(LIST).content.decode())
    assert f"Key …{middle.last_four} was never used, so it is safe to delete." in rows[2]
    assert "It will be deleted by itself soon." in rows[4]
    assert f"Key …{oldest.last_four} is safe to delete. Key …{newest.last_four} first used 2 days ago" in rows[4]


def test_when_the_key_in_the_middle_is_deleted_the_last_one_replaces_the_first(acme, ana_browser):
    newest, middle, oldest = chain(acme)
    use(oldest, HOUR)
    middle.delete_key(by=SETUP)
    page = ana_browser.get(LIST).content.decode()
    (rows,) = parts(page)
    assert newest.hint in rows[0]
    assert oldest.hint in rows[1]
    assert "Paste the new key into Okta; don’t delete the old one yet." in rows[2]
    assert f"{oldest.key_id}/rotation" not in page


def test_each_key_says_its_next_reminder_or_the_last_one(acme, ana_browser):
    expires_on = NOW.date() + dt.timedelta(days=20)
    with time_machine.travel(NOW - dt.timedelta(days=60), tick=False):
        soon = new_key(acme, description="Soon", expires_on=expires_on).api_key
        past = new_key(acme, description="Past", expires_on=NOW.date()).api_key
        lost = new_key(acme, description="Lost", expires_on=expires_on).api_key
    new_key(acme, description="Later", expires_on=NOW.date() + dt.timedelta(days=365))
    new_key(acme, description="Never")
    told = {"recipient": "ana@acme.example", "attempts": 1}
    Notice.objects.create(api_key=soon, kind="month", sent_at=NOW - dt.timedelta(days=10), **told)
    Notice.objects.create(api_key=past, kind="expiry", sent_at=NOW - HOUR, **told)
    Notice.objects.create(api_key=lost, kind="month", failed_at=NOW - HOUR, failure="550 no", **told)
    rows = {row.split()[0]: row for part in parts(ana_browser.get(LIST).content.decode()) for row in part}
    assert "Next reminder 14 Mar 2027" in rows["Soon"]
    assert "Reminded 1 Mar 2027" in rows["Past"]
    assert "Reminder not delivered" in rows["Lost"]
    assert "Next reminder 29 Jan 2028" in rows["Later"]
    assert "emind" not in rows["Never"]


def test_a_marked_key_has_a_pill_that_leads_to_its_page(acme, ana_browser):
    api_key = new_key(acme).api_key
    new = {"api_key": api_key, "is_new": True}
    KnownOrigin.objects.create(kind="network", value="198.51.100.0/24", **new)
    KnownOrigin.objects.create(kind="agent", value="curl", **new)
    KnownOrigin.objects.create(kind="agent", value="Okta", api_key=api_key)
    page = ana_browser.get(LIST).content.decode()
    for mark in ("New network", "New user agent"):
        assert f'<a class="pill amber" href="{LIST}/keys/{api_key.key_id}#origins">{mark}</a>' in page
    api_key.origins.update(refused=True)
    page = ana_browser.get(LIST).content.decode()
    assert ">Refused network</a>" in page
    assert "user agent</a>" not in page
    api_key.origins.update(is_new=False)
    assert "#origins" not in ana_browser.get(LIST).content.decode()


def test_the_list_takes_as_many_queries_for_many_pairs_as_for_one_key(acme, ana_browser, django_assert_num_queries):
    new_key(acme)
    with django_assert_num_queries(6):
        ana_browser.get(LIST)
    for stage in ("unused", "both", "silent", "safe"):
        for number in range(5):
            old, new = rotated(acme, stage, description=f"Key {number}")
            KnownOrigin.objects.create(api_key=new, kind="network", value="198.51.100.0/24", is_new=True)
            Notice.objects.create(api_key=old, kind="month", recipient="ana@acme.example", sent_at=timezone.now())
    chain(acme)
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=30)
    with django_assert_num_queries(6):
        page = ana_browser.get(LIST).content.decode()
    assert len(parts(page)) == 22
    assert page.count("Next reminder") == 40
    assert page.count("Beyond your policy") == 44


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_sees_the_pair_and_no_button(request, acme, sign_in, who: str):
    rotated(acme, "safe")
    answer = sign_in(request.getfixturevalue(who)).get(LIST)
    assert "The old key is safe to delete." in text_of(answer)
    assert "data-dialog" not in answer.content.decode()
