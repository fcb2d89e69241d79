"""manage.py create_api_key."""

import datetime as dt

import pytest
import time_machine

from apikeys.models import ApiKey
from apikeys.secret import KeyText
from audit.models import Action, Event
from tests.conftest import SETUP


def arguments(organization, *more, description="Okta"):
    return ("create_api_key", organization.public_id, "--type", "scim", "--description", description, *more)


def test_it_prints_the_key_and_nothing_else(acme, run, settings):
    told = run(*arguments(acme))
    text = told.out.removesuffix("\n")
    key = KeyText.parse(text)
    assert key is not None
    assert key.digest(settings.API_KEY_PEPPERS[0]) == ApiKey.objects.get().digest
    assert text not in told.err
    assert "Torii SCIM key of Acme, never expires" in told.err


@pytest.mark.parametrize(
    ("kind", "prefix", "may_write"), [("scim", "scim", True), ("api-read", "api", False), ("api-write", "api", True)]
)
def test_each_type_opens_what_it_says(acme, run, kind, prefix, may_write):
    told = run("create_api_key", acme.public_id, "--type", kind, "--description", "Script")
    assert told.out.startswith(f"torii_{prefix}_")
    assert ApiKey.objects.get().may_write == may_write


def test_it_expires_at_the_organizations_midnight(acme, run):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    with time_machine.travel("2026-11-23T12:00Z", tick=False):
        told = run(*arguments(acme, "--expires", "2027-03-31"))
    assert ApiKey.objects.get().expires_at == dt.datetime(2027, 3, 30, 22, tzinfo=dt.UTC)
    assert "expires at 2027-03-31 00:00 CEST" in told.err


def test_it_is_in_the_audit_log_under_the_commands_name(acme, run):
    run(*arguments(acme))
    event = Event.objects.get(action=Action.API_KEY_GENERATED)
    assert (event.organization, event.actor_kind, event.actor_label) == (acme, "system", "the command line")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--expires", "2020-01-01"), "must be in the future"),
        (("--expires", "31.3.2027"), "write it as in 2027-03-31"),
        (("--description", "  "), "Say where the key will be used"),
        (("--description", "x" * 121), "at most 120 characters"),
        (("--type", "admin"), "choose from"),
        (("--network", "okta.com"), "is no network"),
    ],
)
def test_what_is_wrong_is_said_and_makes_no_key(acme, run, more, reason):
    told = run(*arguments(acme, *more))
    assert reason in told.error
    assert told.out == ""
    assert not ApiKey.objects.exists()


def test_an_unknown_organization_id_is_said_to_be_unknown(acme, run):
    told = run("create_api_key", "nosuchorg", "--type", "scim", "--description", "Okta")
    assert "nosuchorg" in told.error


def test_it_may_be_for_certain_networks_only(acme, run):
    run(*arguments(acme, "--network", "203.0.113.0/24", "--network", "2001:db8::/48"))
    assert ApiKey.objects.get().allowed_networks == ["203.0.113.0/24", "2001:db8::/48"]


def test_the_organizations_policy_holds_here_too(acme, run):
    acme.set_key_policy(by=SETUP, key_expiration_required=True)
    assert "requires an expiration date" in run(*arguments(acme)).error
    assert not ApiKey.objects.exists()
