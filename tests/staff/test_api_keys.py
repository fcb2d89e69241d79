"""API keys in the staff admin."""

import datetime as dt

import pytest
import time_machine
from django.contrib.admin.models import LogEntry

from apikeys.models import ApiKey
from audit.models import Action
from tests.conftest import SETUP, new_key
from tests.staff.conftest import page, rows, told

KEY = "apikeys.ApiKey"


@pytest.fixture
def keys(acme, globex):
    """A live key, one that expires in a week, one that has expired, a deleted one, and one of globex."""
    now = dt.datetime.now(dt.UTC)
    soon = now.date() + dt.timedelta(days=7)
    made = {
        "live": new_key(acme, description="live"),
        "soon": new_key(acme, description="soon", expires_on=soon, kind="api_read"),
        "deleted": new_key(acme, description="deleted"),
        "globex": new_key(globex, description="globex"),
    }
    with time_machine.travel(now - dt.timedelta(days=30)):
        past = now.date() - dt.timedelta(days=7)
        made["expired"] = new_key(acme, description="expired", expires_on=past)
    made["deleted"].api_key.delete_key(by=SETUP)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"live", "soon", "expired", "globex"}),
        ({"status": "live"}, {"live", "soon", "globex"}),
        ({"status": "expiring"}, {"soon"}),
        ({"status": "expired"}, {"expired"}),
        ({"status": "deleted"}, {"deleted"}),
        ({"kind__exact": "api_read"}, {"soon"}),
        ({"q": "GLOB"}, {"globex"}),
    ],
)
def test_keys_are_filtered_and_searched(admin, keys, query, found):
    assert {key.description for key in rows(admin.get(page(KEY), query))} == found


def test_keys_are_filtered_by_organization(admin, globex, keys):
    assert rows(admin.get(page(KEY), {"organization__id__exact": globex.pk})) == [keys["globex"].api_key]


@pytest.mark.parametrize("part", ["hint", "key_id", "last_four"])
def test_a_key_is_found_by_what_a_customer_can_see_of_it(admin, keys, part):
    sought = keys["live"].api_key
    assert sought in rows(admin.get(page(KEY), {"q": getattr(sought, part)}))


@pytest.mark.parametrize(
    ("name", "status"),
    [("live", "Live"), ("soon", "Expires soon"), ("expired", "Expired"), ("deleted", "Deleted")],
)
def test_a_key_says_how_far_it_is_in_its_life(admin, keys, name, status):
    shown = admin.get(page(KEY, "change", keys[name].api_key.pk)).text
    assert keys[name].api_key.hint in shown
    assert status in shown


def test_no_page_has_a_secret_or_what_is_stored_of_it(admin, keys):
    pages = [page(KEY), page("audit.Event")]
    pages += [page(KEY, view, new.api_key.pk) for new in keys.values() for view in ("change", "delete")]
    shown = "".join(admin.get(path).text for path in pages)
    for new in keys.values():
        assert new.api_key.hint in shown
        assert new.text not in shown
        assert new.text.rpartition("_")[2] not in shown
        assert str(new.api_key.digest) not in shown
        assert str(new.api_key.form_token) not in shown


def test_deleting_a_key_is_audited_and_its_digest_is_gone(admin, keys, events):
    sought = keys["live"].api_key
    assert "reminder" not in admin.get(page(KEY, "delete", sought.pk)).text.lower()
    response = admin.post(page(KEY, "delete", sought.pk), {"post": "yes"})
    assert response.headers["Location"] == page(KEY)
    sought.refresh_from_db()
    assert sought.digest is None
    assert sought.deleted_at is not None
    assert events() == [(Action.API_KEY_DELETED, str(sought), {})]


def test_several_keys_are_deleted_each_with_its_event(admin, keys, events):
    chosen = [keys["live"].api_key, keys["globex"].api_key]
    data = {"action": "delete_selected", "_selected_action": [key.pk for key in chosen], "post": "yes"}
    assert told(admin.post(page(KEY), data)) == ["Successfully deleted 2 API keys."]
    assert list(ApiKey.objects.filter(pk__in=[key.pk for key in chosen]).values_list("digest", flat=True)) == [None] * 2
    assert len(events()) == 2
    assert ApiKey.objects.count() == 5


def test_a_tombstone_is_not_deleted_again(admin, keys, events):
    tombstone = keys["deleted"].api_key
    assert admin.post(page(KEY, "delete", tombstone.pk), {"post": "yes"}).status_code == 403
    assert ApiKey.objects.filter(pk=tombstone.pk).exists()
    assert events() == []


def test_a_key_is_neither_added_nor_changed(admin, keys):
    key = keys["live"].api_key
    assert admin.get(page(KEY, "add")).status_code == 403
    data = {"description": "Hacked", "expires_on": "2099-01-01", "digest": "0" * 64}
    assert admin.post(page(KEY, "change", key.pk), data).status_code == 403
    assert ApiKey.objects.get(pk=key.pk).description == "live"


def test_djangos_own_history_has_no_secret_either(admin, keys):
    admin.post(page(KEY, "delete", keys["live"].api_key.pk), {"post": "yes"})
    entry = LogEntry.objects.get()
    assert entry.object_repr == str(keys["live"].api_key)
    assert keys["live"].text not in entry.object_repr


def test_a_key_shows_who_was_told_and_from_where_it_was_used(admin, keys):
    key = keys["soon"].api_key
    key.notices.create(kind="month", recipient="ana@acme.example", failure="550 5.1.1 no such mailbox")
    key.origins.create(kind="network", value="198.51.100.0/24")
    shown = admin.get(page(KEY, "change", key.pk)).text
    assert all(text in shown for text in ("ana@acme.example", "550 5.1.1 no such mailbox", "198.51.100.0/24"))


def test_a_successor_shows_what_it_replaces_and_where_it_works(admin, acme):
    old = new_key(acme, description="old").api_key
    new = old.rotate(description="new", expires_on=None, by=SETUP, allowed_networks=["203.0.113.0/24"]).api_key
    shown = admin.get(page(KEY, "change", new.pk)).text
    assert old.hint in shown
    assert "203.0.113.0/24" in shown
