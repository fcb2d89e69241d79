"""Settings > Security > API keys: the policy in words, and the form that changes it."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from audit.models import Action, Event
from members.models import Member
from tests.conftest import ACME, GLOBEX, SETUP, new_key
from tests.web.conftest import SignIn, text_of

SECURITY = f"{ACME}/security"
POLICY = f"{ACME}/security/api-keys"


def asked(**fields: Any) -> dict[str, Any]:
    """Return what the form sends."""
    form = {
        "expiration": "recommended",
        "key_lifetime_days": "365",
        "reminds_week_before": "on",
        "reminds_day_before": "on",
        "reminds_at_expiry": "on",
        "reminder_contact": "",
    }
    return {name: value for name, value in (form | fields).items() if value is not None}


def test_the_card_tells_the_policy_in_words(acme, ana_browser):
    words = text_of(ana_browser.get(SECURITY))
    assert "Recommended. The form suggests 365 days; a key may also live longer, or never expire." in words
    assert "By e-mail a month, 7 days and 1 day before, and when it has expired." in words
    assert "Every Admin, and whoever generated the key." in words
    acme.set_key_policy(
        by=SETUP,
        key_expiration_required=True,
        key_lifetime_days=1,
        reminds_week_before=False,
        reminds_at_expiry=False,
        reminder_contact="it-team@acme.example",
    )
    words = text_of(ana_browser.get(SECURITY))
    assert "Required. New keys live 1 day at most." in words
    assert "By e-mail a month and 1 day before." in words
    assert "also it-team@acme.example ." in words


def test_the_form_begins_as_the_policy_is(acme, ana_browser):
    acme.set_key_policy(
        by=SETUP,
        key_expiration_required=True,
        key_lifetime_days=90,
        reminds_day_before=False,
        reminder_contact="x@y.zz",
    )
    page = ana_browser.get(POLICY).content.decode()
    assert 'name="expiration" value="required" required checked autofocus' in page
    assert 'name="key_lifetime_days" value="90"' in page
    assert 'value="x@y.zz"' in page
    assert page.count('type="checkbox"') == 5
    assert page.count(" checked") == 4
    assert '<input type="checkbox" checked disabled aria-describedby="month-locked">' in page
    assert "so that no key expires without a word" in page


def test_an_admin_changes_the_policy(acme, ana, ana_browser):
    form = asked(
        expiration="required", key_lifetime_days="90", reminds_week_before=None, reminder_contact="it-team@acme.example"
    )
    answer = ana_browser.post(POLICY, form, follow=True)
    assert answer.redirect_chain == [(SECURITY, 302)]
    assert "The policy for API keys was saved." in text_of(answer)
    acme.refresh_from_db()
    assert (acme.key_expiration_required, acme.key_lifetime_days) == (True, 90)
    assert (acme.reminds_week_before, acme.reminds_day_before, acme.reminds_at_expiry) == (False, True, True)
    assert acme.reminder_contact == "it-team@acme.example"
    event = Event.objects.get(action=Action.ORGANIZATION_UPDATED)
    assert (event.actor_id, event.ip) == (str(ana.pk), "127.0.0.1")
    assert event.changes == {
        "key_expiration_required": [False, True],
        "key_lifetime_days": [365, 90],
        "reminds_week_before": [True, False],
        "reminder_contact": ["", "it-team@acme.example"],
    }


def test_in_the_dialog_a_saved_policy_leads_out_of_it(ana_browser):
    assert ana_browser.post(POLICY, asked(), headers={"HX-Request": "true"})["HX-Redirect"] == SECURITY


def test_saving_the_policy_as_it_is_writes_no_event(ana_browser):
    assert ana_browser.post(POLICY, asked()).status_code == 302
    assert not Event.objects.filter(action=Action.ORGANIZATION_UPDATED).exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"expiration": None}, "Choose one of the two."),
        ({"expiration": "forbidden"}, "Choose one of the two."),
        ({"key_lifetime_days": ""}, "Write a number of days, from 1 to 3650."),
        ({"key_lifetime_days": "0"}, "Write a number of days, from 1 to 3650."),
        ({"key_lifetime_days": "-1"}, "Write a number of days, from 1 to 3650."),
        ({"key_lifetime_days": "3651"}, "Write a number of days, from 1 to 3650."),
        ({"key_lifetime_days": "9" * 40}, "Write a number of days, from 1 to 3650."),
        ({"key_lifetime_days": "a year"}, "Write a number of days, from 1 to 3650."),
        ({"reminder_contact": "it-team"}, "Write an e-mail address, as in it-team@example.com."),
        ({"reminder_contact": f"{'x' * 250}@acme.example"}, "at most 254 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(acme, ana_browser, fields, error):
    answer = ana_browser.post(POLICY, asked(**({"expiration": "required"} | fields)))
    assert answer.status_code == 422
    assert error in text_of(answer)
    for value in filter(None, fields.values()):
        assert value in answer.content.decode() or value == "forbidden"
    acme.refresh_from_db()
    assert not acme.key_expiration_required
    assert not Event.objects.filter(action=Action.ORGANIZATION_UPDATED).exists()


def test_what_the_organization_itself_refuses_is_said_beside_its_field(ana_browser, monkeypatch):
    """The form lets a value through that the model doesn't."""
    monkeypatch.setattr("members.views.policy_form.DAYS_MAX", 9999)
    monkeypatch.setattr("members.views.policy_form.KeyPolicyForm.base_fields", fields_without_a_limit())
    answer = ana_browser.post(POLICY, asked(key_lifetime_days="3651"))
    assert answer.status_code == 422
    assert "less than or equal to 3650" in text_of(answer)


def fields_without_a_limit() -> dict[str, Any]:
    from copy import deepcopy

    from members.views.policy_form import KeyPolicyForm

    fields = deepcopy(KeyPolicyForm.base_fields)
    fields["key_lifetime_days"].validators = []
    return fields


def test_the_card_counts_the_live_keys_that_are_against_the_policy(acme, ana_browser):
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        new_key(acme, description="Expired", expires_on=dt.date(2026, 10, 1))
    today = dt.datetime.now(dt.UTC).date()
    new_key(acme, description="Short", expires_on=today + dt.timedelta(days=30))
    new_key(acme, description="Just so", expires_on=today + dt.timedelta(days=90))
    new_key(acme, description="Longer", expires_on=today + dt.timedelta(days=91))
    new_key(acme, description="For ever")
    new_key(acme, description="Deleted").api_key.delete_key(by=SETUP)
    assert "not meet this" not in text_of(ana_browser.get(SECURITY))
    form = asked(expiration="required", key_lifetime_days="90")
    answer = ana_browser.post(POLICY, form, follow=True)
    assert "2 existing keys do not meet this and stay valid." in text_of(answer)
    assert f'<a href="{ACME}/api-access">Show them in API Access</a>' in answer.content.decode()
    page = ana_browser.get(f"{ACME}/api-access").content.decode()
    assert page.count("Beyond your policy") == 2
    ana_browser.post(POLICY, form | {"key_lifetime_days": "91"})
    assert "1 existing key does not meet this and stays valid." in text_of(ana_browser.get(SECURITY))


def test_who_sees_security_alone_gets_no_link_to_the_keys(acme, paul: Member, sign_in: SignIn):
    new_key(acme)
    acme.set_key_policy(by=SETUP, key_expiration_required=True)
    role = acme.roles.create(name="Watcher", access={"security": "read"})
    Member.objects.filter(pk=paul.pk).update(role=role)
    answer = sign_in(paul).get(SECURITY)
    assert "1 existing key does not meet this" in text_of(answer)
    assert "Show them in API Access" not in text_of(answer)


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_sees_the_policy_and_changes_nothing(request, acme, sign_in: SignIn, who: str):
    member: Member = request.getfixturevalue(who)
    browser = sign_in(member)
    answer = browser.get(SECURITY)
    assert "Recommended. The form suggests 365 days" in text_of(answer)
    assert POLICY not in answer.content.decode()
    before = Event.objects.count()
    assert browser.get(POLICY).status_code == browser.post(POLICY, asked(key_lifetime_days="1")).status_code == 403
    acme.refresh_from_db()
    assert acme.key_lifetime_days == 365
    assert Event.objects.count() == before


def test_eve_changes_the_policy_of_her_own_organization(acme, globex, eve, sign_in: SignIn):
    browser = sign_in(eve)
    assert browser.post(POLICY, asked(key_lifetime_days="7")).status_code == 404
    assert browser.post(f"{GLOBEX}/security/api-keys", asked(key_lifetime_days="7")).status_code == 302
    acme.refresh_from_db()
    globex.refresh_from_db()
    assert (acme.key_lifetime_days, globex.key_lifetime_days) == (365, 7)
