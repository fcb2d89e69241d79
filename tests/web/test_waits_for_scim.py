"""A Torii SCIM key while SCIM is off: it gets 403, and every door says so before anybody wonders why."""

import datetime as dt
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audit.models import Action, Event
from members.models import Organization
from tests.conftest import ACME, SETUP, new_key, person
from tests.web.conftest import asked, text_of

LIST = f"{ACME}/api-access"
NEW = f"{LIST}/keys/new"
ACTIVATION = f"{ACME}/security/scim/activation"
WAITS = "Waits for SCIM"
IN_THE_FORM = "SCIM is off: this key gets 403 until it is turned on."


@pytest.fixture
def off(acme: Organization) -> Organization:
    acme.disable_scim(by=SETUP)
    return acme


def test_the_form_says_it_beside_the_type_it_is_true_of(off, ana_browser):
    page = ana_browser.get(NEW).content.decode()
    scim, *others = page.split('class="radio-card"')[1:]
    assert IN_THE_FORM in scim
    assert not any(IN_THE_FORM in other for other in others)


def test_the_form_says_nothing_while_scim_is_on(acme, ana_browser):
    assert IN_THE_FORM not in text_of(ana_browser.get(NEW))


def test_the_key_that_is_shown_says_it_and_turns_scim_on_beside_the_key(off, ana_browser):
    page = ana_browser.post(NEW, asked()).content.decode()
    assert "SCIM is off, so this key gets 403 until it is turned on." in page
    assert f'action="{ACME}/security/scim/activation" target="_blank"' in page

    answer = ana_browser.post(ACTIVATION, headers={"HX-Request": "true", "HX-Target": "scim-off"})
    assert answer.status_code == 200
    assert text_of(answer) == "SCIM is on, so the key works from now on."
    off.refresh_from_db()
    assert off.scim_enabled
    assert Event.objects.filter(action=Action.SCIM_ENABLED, actor_label="Ana Admin").count() == 1


def test_a_key_for_scripts_waits_for_nothing(off, ana_browser):
    assert "SCIM is off" not in text_of(ana_browser.post(NEW, asked(kind="api_read")))
    assert WAITS not in text_of(ana_browser.get(LIST))


def test_the_list_and_the_key_s_page_say_it_until_scim_is_on(off, ana_browser):
    api_key = new_key(off).api_key
    page = f"{LIST}/keys/{api_key.key_id}"
    assert WAITS in text_of(ana_browser.get(LIST))
    assert "SCIM is off, so the key gets 403 for every request." in text_of(ana_browser.get(page))
    assert "both keys get 403 until it is turned on" in text_of(ana_browser.get(f"{page}/rotation"))
    off.enable_scim(by=SETUP)
    for path in (LIST, page, f"{page}/rotation"):
        words = text_of(ana_browser.get(path))
        assert WAITS not in words
        assert "SCIM is off" not in words


def test_an_expired_key_waits_for_nothing(off, ana_browser, today):
    with time_machine.travel(timezone.now() - dt.timedelta(days=40), tick=False):
        new_key(off, expires_on=today - dt.timedelta(days=1))
    assert WAITS not in text_of(ana_browser.get(LIST))


def test_the_rest_api_says_it(off, client: Client):
    scim, reader = new_key(off), new_key(off, "api_read")
    headers = {"Authorization": f"Bearer {reader.text}"}

    def told() -> dict[str, bool]:
        rows = client.get("/v1.0/api-keys", headers=headers).json()["results"]
        one = client.get(f"/v1.0/api-keys/{scim.api_key.key_id}", headers=headers).json()
        by_id = {row["key_id"]: row["waits_for_scim"] for row in rows}
        assert by_id[scim.api_key.key_id] == one["waits_for_scim"]
        return by_id

    assert told() == {scim.api_key.key_id: True, reader.api_key.key_id: False}
    off.enable_scim(by=SETUP)
    assert told() == {scim.api_key.key_id: False, reader.api_key.key_id: False}


def test_openapi_describes_it(client: Client, db):
    schema = client.get("/v1.0/schema", headers={"Accept": "application/json"}).json()
    field = schema["components"]["schemas"]["ApiKey"]["properties"]["waits_for_scim"]
    assert field["type"] == "boolean"
    assert "403" in field["description"]


def test_the_command_line_says_it(off):
    said = StringIO()
    call_command(
        "create_api_key", off.public_id, "--type", "scim", "--description", "Okta", stdout=StringIO(), stderr=said
    )
    assert "SCIM is off, so it gets 403 until SCIM is turned on" in said.getvalue()


# What comes next -----------------------------------------------------------------------------------------------------


def test_security_leads_from_scim_to_the_first_request(off, ana_browser):
    """SCIM on → generate a key → paste it → waiting → connected."""
    security = f"{ACME}/security"
    assert "Next," not in text_of(ana_browser.get(security))
    ana_browser.post(ACTIVATION)
    page = ana_browser.get(security)
    assert "Next, generate a key of type Torii SCIM for your identity provider." in text_of(page)
    assert NEW in page.content.decode()

    new = new_key(off, description="Okta production")
    words = text_of(ana_browser.get(security))
    assert "Next, paste the key Okta production into your identity provider" in words
    assert "Torii waits for its first request." in words

    Client().get("/scim/v2/Users", headers={"Authorization": f"Bearer {new.text}"})
    assert "Connected: the last request came just now , with the key Okta production" in text_of(
        ana_browser.get(security)
    )


def test_security_names_the_key_that_waits(off, ana_browser):
    new_key(off, description="Okta production")
    assert "The key Okta production waits for SCIM" in text_of(ana_browser.get(f"{ACME}/security"))


def test_a_reader_of_security_is_offered_nothing_that_they_may_not_do(acme, rita, sign_in):
    browser = sign_in(rita)
    browser.get("/settings/")
    page = browser.get(f"{ACME}/security")
    assert "An Admin can do that in API Access." in text_of(page)
    assert NEW not in page.content.decode()


def test_keys_of_another_organization_are_no_step_of_this_one(acme, globex, ana_browser):
    new_key(globex)
    person(globex, "gina@globex.example", "Gina", "Admin")
    assert "Next, generate a key" in text_of(ana_browser.get(f"{ACME}/security"))
