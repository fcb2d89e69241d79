"""manage.py set_scim."""

from audit.models import Action, Event


def actions(organization):
    return list(Event.objects.filter(organization=organization).order_by("id").values_list("action", flat=True))[-2:]


def test_it_turns_scim_off_and_on(acme, run):
    assert run("set_scim", acme.public_id, "off").out == "SCIM is off for Acme.\n"
    acme.refresh_from_db()
    assert not acme.scim_enabled
    assert run("set_scim", acme.public_id, "on").out == "SCIM is on for Acme.\n"
    acme.refresh_from_db()
    assert acme.scim_enabled_by == "the command line"
    assert actions(acme) == [Action.SCIM_DISABLED, Action.SCIM_ENABLED]


def test_turning_on_what_is_on_changes_nothing(acme, run):
    before = Event.objects.count()
    assert run("set_scim", acme.public_id, "on").out == "SCIM is on for Acme.\n"
    assert Event.objects.count() == before


def test_an_unknown_organization_id_is_said_to_be_unknown(acme, run):
    told = run("set_scim", "nosuchorg", "off")
    assert 'No organization has the Organization ID "nosuchorg"' in told.error
    acme.refresh_from_db()
    assert acme.scim_enabled


def test_the_organization_is_not_found_by_its_primary_key_or_name(acme, run):
    assert run("set_scim", str(acme.pk), "off").error
    assert run("set_scim", "Acme", "off").error


def test_it_is_on_or_off(acme, run):
    assert "choose from" in run("set_scim", acme.public_id, "maybe").error
