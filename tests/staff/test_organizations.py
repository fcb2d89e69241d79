"""Organizations in the staff admin."""

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import Action
from members.admin import base
from members.directory import GroupProfile
from members.models import Group, Organization, User
from outbox.models import OutgoingMail
from tests.conftest import SETUP, new_key, sign_in_staff
from tests.staff.conftest import page, rows, told

ORGANIZATION = "members.Organization"


def form(organization=None, domains=(), removed=(), **changes):
    """Return what a browser sends of the form of an organization, with its rows of approved domains."""
    there = list(organization.approved_domains.order_by("id")) if organization else []
    lines = {
        "approved_domains-TOTAL_FORMS": str(len(there) + len(domains)),
        "approved_domains-INITIAL_FORMS": str(len(there)),
    }
    for number, approved in enumerate(there):
        row = f"approved_domains-{number}"
        lines |= {f"{row}-id": approved.pk, f"{row}-organization": organization.pk, f"{row}-domain": approved.domain}
        if approved.domain in removed:
            lines[f"{row}-DELETE"] = "on"
    for number, domain in enumerate(domains, start=len(there)):
        lines[f"approved_domains-{number}-domain"] = domain
    policy = {"key_lifetime_days": "365", "reminds_week_before": "on", "reminds_day_before": "on"}
    policy |= {"directory_assigns_admin": "on"}
    own = {"name": "Acme", "time_zone": "UTC", "reminds_at_expiry": "on"} | policy
    if not organization:
        own |= {"admin_email": f"Ada@{domains[0].lower() if domains else 'acme.example'}", "admin_given_name": "Ada"}
    return own | lines | changes


def test_an_organization_is_made_whole(admin, events):
    data = form(name="Initech", time_zone="Europe/Berlin", domains=["Initech.example", "initech.test"])
    response = admin.post(page(ORGANIZATION, "add"), data)
    assert response.headers["Location"] == page(ORGANIZATION)
    made = Organization.objects.get(name="Initech")
    assert made.time_zone == "Europe/Berlin"
    assert made.domain_names() == ["initech.example", "initech.test"]
    assert made.roles.filter(is_predefined=True).count() == 5
    ada = made.members.get()
    assert (ada.user_name, ada.full_name, ada.role.name) == ("Ada@initech.example", "Ada", "Admin")
    assert [(action, target) for action, target, _ in events()] == [
        (Action.ORGANIZATION_CREATED, "Initech"),
        (Action.MEMBER_CREATED, "Ada@initech.example"),
    ]
    assert [mail.recipient for mail in OutgoingMail.objects.all()] == ["Ada@initech.example"]


def test_saving_a_new_organization_goes_on_to_its_own_page(admin):
    response = admin.post(page(ORGANIZATION, "add"), form(domains=["acme.example"], _continue=""))
    assert response.headers["Location"] == page(ORGANIZATION, "change", Organization.objects.get().pk)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domains": []}, "at least one approved domain"),
        ({"domains": ["acme.example", "ACME.example"]}, "twice"),
        ({"domains": ["https://acme.example"]}, "Write the domain alone"),
        ({"domains": ["acme.example"], "time_zone": "Europe/Nowhere"}, "Choose one of these time zones."),
        ({"domains": ["acme.example"], "name": ""}, "This field is required"),
        ({"domains": ["acme.example"], "admin_email": ""}, "This field is required"),
        ({"domains": ["acme.example"], "admin_email": "ada"}, "is not an e-mail address"),
        ({"domains": ["acme.example"], "admin_email": "a@b.example"}, "a@b.example, is not at one of these domains"),
    ],
)
def test_what_is_wrong_is_said_on_the_form_and_makes_nothing(admin, changes, reason):
    response = admin.post(page(ORGANIZATION, "add"), form(**changes))
    assert response.status_code == 200
    assert reason in response.text
    assert not Organization.objects.exists()


def test_changes_are_in_the_audit_log_with_before_and_after(admin, acme, events):
    data = form(
        acme,
        name="Acme Corp",
        time_zone="Asia/Tokyo",
        scim_lists_active_only="on",
        domains=["Acme.test"],
        removed=["example.com"],
    )
    response = admin.post(page(ORGANIZATION, "change", acme.pk), data)
    assert response.status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone, acme.scim_lists_active_only) == ("Acme Corp", "Asia/Tokyo", True)
    assert acme.domain_names() == ["acme.example", "acme.test"]
    changes = {
        "name": ["Acme", "Acme Corp"],
        "time_zone": ["UTC", "Asia/Tokyo"],
        "scim_lists_active_only": [False, True],
        "domains": [["acme.example", "example.com"], ["acme.example", "acme.test"]],
    }
    assert events() == [(Action.ORGANIZATION_UPDATED, "Acme Corp", changes)]


def test_the_key_policy_is_changed_with_the_rest(admin, acme, events):
    data = form(acme, key_expiration_required="on", key_lifetime_days="90", reminder_contact="it@acme.example")
    del data["reminds_day_before"]
    assert admin.post(page(ORGANIZATION, "change", acme.pk), data).status_code == 302
    changes = {
        "key_expiration_required": [False, True],
        "key_lifetime_days": [365, 90],
        "reminds_day_before": [True, False],
        "reminder_contact": ["", "it@acme.example"],
    }
    assert events() == [(Action.ORGANIZATION_UPDATED, "Acme", changes)]


def test_a_form_sent_as_it_was_changes_nothing(admin, acme, events):
    domains = list(acme.approved_domains.values_list("pk", "domain"))
    assert admin.post(page(ORGANIZATION, "change", acme.pk), form(acme)).status_code == 302
    assert list(acme.approved_domains.values_list("pk", "domain")) == domains
    assert events() == []


def test_the_last_domain_stays(admin, acme, events):
    response = admin.post(page(ORGANIZATION, "change", acme.pk), form(acme, removed=["acme.example", "example.com"]))
    assert "at least one approved domain" in response.text
    assert acme.domain_names() == ["acme.example", "example.com"]
    assert events() == []


def test_members_stay_when_their_domain_is_no_longer_approved(admin, acme, ana):
    admin.post(page(ORGANIZATION, "change", acme.pk), form(acme, removed=["acme.example"]))
    assert acme.domain_names() == ["example.com"]
    assert acme.members.get() == ana


def test_the_organization_id_is_shown_and_stays(admin, acme):
    before = acme.public_id
    assert before in admin.get(page(ORGANIZATION, "change", acme.pk)).text
    admin.post(page(ORGANIZATION, "change", acme.pk), form(acme, public_id="another", scim_enabled_at="2020-01-01"))
    acme.refresh_from_db()
    assert acme.public_id == before
    assert acme.scim_enabled_at.year > 2020


def test_an_organization_is_never_deleted(admin, acme):
    assert admin.post(page(ORGANIZATION, "delete", acme.pk), {"post": "yes"}).status_code == 403
    admin.post(page(ORGANIZATION), {"action": "delete_selected", "_selected_action": [acme.pk], "post": "yes"})
    assert Organization.objects.filter(pk=acme.pk).exists()


def test_organizations_are_found_by_name_and_organization_id(admin, acme, globex):
    assert rows(admin.get(page(ORGANIZATION), {"q": "glob"})) == [globex]
    assert rows(admin.get(page(ORGANIZATION), {"q": acme.public_id})) == [acme]


def test_whoever_may_change_organizations_may_change_their_domains(db, acme):
    user = User.objects.create_user("helper@vendor.example", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_organization"))
    client = Client()
    sign_in_staff(client, user)
    data = form(acme, domains=["acme.test"], removed=["example.com"])
    assert client.post(page(ORGANIZATION, "change", acme.pk), data).status_code == 302
    assert acme.domain_names() == ["acme.example", "acme.test"]


def scim_path(organization, turn):
    return f"{page(ORGANIZATION, 'change', organization.pk).removesuffix('change/')}turn_scim_{turn}/"


def test_scim_is_turned_off_and_on(admin, acme, events):
    for turn, action, enabled in (("off", Action.SCIM_DISABLED, False), ("on", Action.SCIM_ENABLED, True)):
        response = admin.post(scim_path(acme, turn), {"_form_submitted": "True"})
        assert response.headers["HX-Redirect"] == page(ORGANIZATION, "change", acme.pk)
        assert told(response) == [f"SCIM is {turn} for Acme."]
        acme.refresh_from_db()
        assert acme.scim_enabled == enabled
        assert events()[-1] == (action, "Acme", {})
        admin.cookies.pop("messages", None)
    assert acme.scim_enabled_by == "stella@vendor.example"


@pytest.mark.parametrize("turn", ["off", "on"])
def test_looking_at_the_question_turns_nothing(admin, acme, events, turn):
    response = admin.get(scim_path(acme, turn), {"_form_submitted": "True"})
    assert f"Turn SCIM {turn}?" in response.text
    acme.refresh_from_db()
    assert acme.scim_enabled
    assert events() == []


def test_only_the_turn_that_changes_something_is_offered(admin, acme):
    shown = admin.get(page(ORGANIZATION, "change", acme.pk)).text
    assert scim_path(acme, "off") in shown
    assert scim_path(acme, "on") not in shown
    assert "On since" in shown


def test_an_organization_that_is_not_there_is_not_turned(admin, acme):
    path = scim_path(acme, "on").replace(f"/{acme.pk}/", "/999999/")
    assert admin.post(path, {"_form_submitted": "True"}).status_code == 404


def test_an_organization_leads_to_what_belongs_to_it_with_counts(admin, acme, globex, ana, ira, eve):
    Group.add(acme, GroupProfile("Engineers", replace_members={ira.pk}), by=SETUP)
    new_key(acme)
    new_key(acme).api_key.delete_key(by=SETUP)
    counts = {"members.Member": 2, "members.Role": 5, "members.Group": 1, "apikeys.ApiKey": 1}
    for place in (page(ORGANIZATION), page(ORGANIZATION, "change", acme.pk)):
        known = acme.events.count()
        shown = admin.get(place).text
        for model, count in counts.items():
            path = f"{page(model)}?organization__id__exact={acme.pk}"
            assert f'href="{path}">{count}<' in shown, model
            assert len(rows(admin.get(path))) == count
        events = f"{page('audit.Event')}?organization__id__exact={acme.pk}"
        assert f'href="{events}">{known}<' in shown
        assert len(rows(admin.get(events))) == acme.events.count()


def test_what_belongs_to_an_organization_is_not_counted_further_than_is_shown(admin, acme, ana, ira, monkeypatch):
    monkeypatch.setattr(base, "COUNTED_TO", 1)
    assert "more than 1<" in admin.get(page(ORGANIZATION)).text


def test_the_staff_admin_writes_days_and_instants_as_the_settings_do(admin, acme):
    Organization.objects.filter(pk=acme.pk).update(scim_enabled_at=dt.datetime(2026, 11, 3, 9, 5, tzinfo=dt.UTC))
    assert "3 Nov 2026, 09:05 (UTC)" in admin.get(page(ORGANIZATION)).text
