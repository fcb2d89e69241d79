"""Deleting a key that is in use takes more than a click, and the old key of a pair says whether it can go."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import ApiKey
from audit.models import Action, Event
from tests.conftest import ACME, SETUP, describe_as_before, new_key
from tests.rotations import HOUR, rotated, use
from tests.web.conftest import SignIn, text_of

LIST = f"{ACME}/api-access"


def deletion_of(api_key: ApiKey) -> str:
    return f"{LIST}/keys/{api_key.key_id}/deletion"


@pytest.fixture
def used(acme) -> ApiKey:
    api_key = new_key(acme, description="Okta production").api_key
    use(api_key, 2 * HOUR, first=True)
    return api_key


def test_a_key_in_use_asks_for_its_description(used, ana_browser):
    answer = ana_browser.get(deletion_of(used))
    assert "The key is in use: the last request came 2 hours ago from 203.0.113.7." in text_of(answer)
    assert "Type its description to delete it" in text_of(answer)
    assert 'name="description"' in answer.content.decode()


@pytest.mark.parametrize("typed", ["", "   ", "okta production", "Okta", "Okta production!", "Delete"])
def test_what_is_not_its_description_deletes_nothing_and_is_kept(used, ana_browser, typed: str):
    before = Event.objects.count()
    answer = ana_browser.post(deletion_of(used), {"description": typed})
    assert answer.status_code == 422
    if typed.strip():
        assert "That isn’t its description. Type “Okta production”." in text_of(answer)
        assert f'value="{typed}"' in answer.content.decode()
    else:
        assert "Type the description of the key." in text_of(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    used.refresh_from_db()
    assert used.deleted_at is None
    assert Event.objects.count() == before


def test_a_form_without_the_field_deletes_nothing(used, ana_browser):
    assert ana_browser.post(deletion_of(used)).status_code == 422
    used.refresh_from_db()
    assert used.deleted_at is None


@pytest.mark.parametrize("typed", ["Okta production", "  Okta production \t"])
def test_its_description_deletes_it(used, ana_browser, typed: str):
    answer = ana_browser.post(deletion_of(used), {"description": typed}, follow=True)
    assert "The key “Okta production” was deleted." in text_of(answer)
    used.refresh_from_db()
    assert used.deleted_at
    event = Event.objects.get(action=Action.API_KEY_DELETED)
    assert (event.actor_label, event.target_id) == ("Ana Admin", str(used.pk))


def test_a_description_with_a_line_break_can_be_typed(acme, ana_browser):
    """Nobody can type one into a line, and nobody sees it on the page; keys from before names were checked have one."""
    api_key = new_key(acme).api_key
    describe_as_before(api_key, "Okta\nproduction  2")
    use(api_key, HOUR)
    assert ana_browser.post(deletion_of(api_key), {"description": "Okta production 2"}).status_code == 302


@pytest.mark.parametrize(("hours", "asks"), [(23.9, True), (24.1, False)])
def test_a_key_is_in_use_for_a_day(acme, ana_browser, hours: float, asks: bool):
    api_key = new_key(acme).api_key
    use(api_key, dt.timedelta(hours=hours))
    assert ('name="description"' in ana_browser.get(deletion_of(api_key)).content.decode()) == asks
    assert ana_browser.post(deletion_of(api_key)).status_code == (422 if asks else 302)


def test_a_key_that_expired_within_the_day_asks_for_nothing(acme, ana_browser):
    now = timezone.now()
    with time_machine.travel(now - dt.timedelta(days=30), tick=False):
        api_key = new_key(acme, expires_on=now.date()).api_key
    use(api_key, now - dt.datetime.combine(now.date(), dt.time.min, dt.UTC) + HOUR)
    answer = ana_browser.get(deletion_of(api_key))
    assert "nothing uses it any more" in text_of(answer)
    assert 'name="description"' not in answer.content.decode()


@pytest.mark.parametrize(
    ("stage", "said", "asks"),
    [
        ("unused", "has not been used yet. Don’t delete this one before the new one is in its place.", True),
        ("both", "Something still uses it although the new key,", True),
        ("silent", "if it stays silent.", True),
        ("safe", "It is safe to delete: the new key,", False),
    ],
)
def test_the_old_key_of_a_pair_says_whether_it_can_go(acme, ana_browser, stage: str, said: str, asks: bool):
    old, new = rotated(acme, stage)
    answer = ana_browser.get(deletion_of(old))
    words = text_of(answer)
    assert said in words
    assert new.hint in words
    assert ("safe to delete:" in words) == (stage == "safe")
    assert ('name="description"' in answer.content.decode()) == asks


def test_the_old_key_is_not_safe_because_of_a_new_one_that_has_expired(acme, ana_browser):
    now = timezone.now()
    with time_machine.travel(now - dt.timedelta(days=10), tick=False):
        old = new_key(acme).api_key
        new = old.rotate(description="Okta", expires_on=(now - dt.timedelta(days=1)).date(), by=SETUP).api_key
    use(new, 72 * HOUR, first=True)
    words = text_of(ana_browser.get(deletion_of(old)))
    assert "has expired, so this is the one that works." in words
    assert "safe to delete" not in words


@pytest.mark.parametrize("stage", ["unused", "safe"])
def test_deleting_the_new_key_of_a_pair_says_that_the_old_one_stays(acme, ana_browser, stage: str):
    old, new = rotated(acme, stage)
    words = text_of(ana_browser.get(deletion_of(new)))
    assert f"The old key, {old.hint} , stays and keeps working. It can be rotated again afterwards." in words
    ana_browser.post(deletion_of(new), {"description": new.description})
    old.refresh_from_db()
    assert old.is_live(timezone.now())
    assert f'href="{LIST}/keys/{old.key_id}/rotation"' in ana_browser.get(LIST).content.decode()


def test_an_old_key_that_has_expired_does_not_keep_working(acme, ana_browser):
    _, new = rotated(acme, "safe", lifetime=344)
    words = text_of(ana_browser.get(deletion_of(new)))
    assert "stays, but it has expired and is refused." in words


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_deletes_nothing(request, used, sign_in: SignIn, who: str):
    browser = sign_in(request.getfixturevalue(who))
    assert browser.post(deletion_of(used), {"description": "Okta production"}).status_code == 403
    used.refresh_from_db()
    assert used.deleted_at is None
