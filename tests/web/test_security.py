"""Settings > Security: the SCIM switch, who may turn it, and what is said beside it."""

import datetime as dt

import pytest
import time_machine
from django.test import Client

from apikeys.models import ApiKey
from audit.models import Action, Event
from members.models import Member, Organization
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import SignIn, text_of

ON = f"{ACME}/security/scim/activation"
OFF = f"{ACME}/security/scim/deactivation"


def test_one_click_turns_scim_on(acme: Organization, ana_browser: Client):
    acme.disable_scim(by=SETUP)
    answer = ana_browser.post(ON, follow=True)
    assert answer.redirect_chain == [(f"{ACME}/security", 302)]
    assert "SCIM provisioning is on." in text_of(answer)
    acme.refresh_from_db()
    assert acme.scim_enabled
    assert acme.scim_enabled_by == "Ana Admin"
    event = Event.objects.first()
    assert event is not None
    assert (event.action, event.actor_label, event.ip) == (Action.SCIM_ENABLED, "Ana Admin", "127.0.0.1")


def test_the_switch_says_since_when_and_by_whom_in_the_organizations_time_zone(acme, ana, sign_in):
    acme.disable_scim(by=SETUP)
    Organization.objects.filter(pk=acme.pk).update(time_zone="Asia/Tokyo")
    with time_machine.travel(dt.datetime(2026, 11, 3, 20, 0, tzinfo=dt.UTC), tick=False):
        acme.enable_scim(by=ana.actor())
        page = sign_in(ana).get(f"{ACME}/security")
    assert "On since 4 Nov 2026 by Ana Admin" in text_of(page)
    assert 'title="4 Nov 2026, 05:00 (Asia/Tokyo)"' in page.content.decode()


def test_turning_scim_off_asks_first_and_names_the_keys_that_stop(acme, ana_browser, today):
    new_key(acme, description="Okta production")
    new_key(acme, description="A script", kind="api_read")
    gone = new_key(acme, description="Deleted long ago").api_key
    gone.delete_key(by=SETUP)
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        new_key(acme, description="Expired long ago", expires_on=dt.date(2026, 2, 1))
    answer = ana_browser.get(OFF)
    assert answer.status_code == 200
    named = text_of(answer)
    assert "This key will stop working" in named
    assert "Okta production" in named
    assert acme.api_keys.get(description="Okta production").hint in named
    for other in ("A script", "Deleted long ago", "Expired long ago"):
        assert other not in named
    acme.refresh_from_db()
    assert acme.scim_enabled


def test_a_confirmed_deactivation_turns_scim_off_and_loses_nothing(acme, ana_browser):
    api_key = new_key(acme).api_key
    answer = ana_browser.post(OFF, follow=True)
    assert answer.redirect_chain == [(f"{ACME}/security", 302)]
    assert "Nothing was lost." in text_of(answer)
    acme.refresh_from_db()
    assert not acme.scim_enabled
    assert ApiKey.objects.get(pk=api_key.pk).digest
    assert Event.objects.filter(action=Action.SCIM_DISABLED, actor_label="Ana Admin").count() == 1


def test_in_the_dialog_a_confirmed_deactivation_leads_out_of_it(acme, ana_browser):
    answer = ana_browser.post(OFF, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == f"{ACME}/security"
    acme.refresh_from_db()
    assert not acme.scim_enabled


def test_there_is_nothing_to_confirm_when_scim_is_off(acme, ana_browser):
    acme.disable_scim(by=SETUP)
    assert ana_browser.get(OFF)["Location"] == f"{ACME}/security"


def test_coming_back_from_the_sign_in_page_changes_nothing(acme, ana_browser):
    acme.disable_scim(by=SETUP)
    assert ana_browser.get(ON)["Location"] == f"{ACME}/security"
    acme.refresh_from_db()
    assert not acme.scim_enabled


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_sees_a_locked_switch_and_why(request, acme, sign_in: SignIn, who: str):
    member: Member = request.getfixturevalue(who)
    browser = sign_in(member)
    answer = browser.get(f"{ACME}/security")
    page = answer.content.decode()
    assert f"Only an Admin can turn SCIM on or off. Your role is {member.role}." in text_of(answer)
    assert "checked disabled" in page
    assert "Turn off" not in page
    before = Event.objects.count()
    assert browser.get(OFF).status_code == browser.post(OFF).status_code == browser.post(ON).status_code == 403
    acme.refresh_from_db()
    assert acme.scim_enabled
    assert Event.objects.count() == before


def test_the_page_has_what_okta_asks_for(acme, ana_browser, settings):
    page = ana_browser.get(f"{ACME}/security").content.decode()
    assert f">{settings.BASE_URL}/scim/v2</code>" in page
    assert f">{acme.public_id}</code>" in page
    assert 'role="switch"' in page


def test_the_switch_has_a_button_for_browsers_without_javascript(acme, ana_browser):
    page = ana_browser.get(f"{ACME}/security").content.decode()
    assert '<button class="button small without-script" type="submit">Turn off</button>' in page
    acme.disable_scim(by=SETUP)
    page = ana_browser.get(f"{ACME}/security").content.decode()
    assert '<button class="button small without-script" type="submit">Turn on</button>' in page


def test_the_page_takes_four_queries(ana_browser, django_assert_num_queries):
    with django_assert_num_queries(4):
        ana_browser.get(f"{ACME}/security")
