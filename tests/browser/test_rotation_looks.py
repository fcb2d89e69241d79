"""Keys that are being replaced, in light, in dark, at 390 pixels and zoomed; `bin/screenshots` copies some of them."""

import datetime as dt

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apikeys.models import ApiKey, KnownOrigin, Notice
from audit.actor import Origin
from members.models import Member, Organization
from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, Reach, at, dialog, look
from tests.conftest import ACME, new_key
from tests.rotations import rotated, use

LIST = f"{ACME}/api-access"
STAGES = ("unused", "both", "silent", "safe")
DAY = dt.timedelta(days=1)


@pytest.fixture
def berlin(acme: Organization, ana: Member) -> Member:
    """Give acme other keys than the two that are shown; return Ana."""
    Organization.objects.filter(pk=acme.pk).update(time_zone="Europe/Berlin", reminder_contact="it-team@acme.example")
    acme.refresh_from_db()
    by, today = ana.actor(), timezone.now().date()
    report = new_key(acme, "api_read", by=by, description="Monthly report", expires_on=today + 90 * DAY).api_key
    use(report, 2 * DAY)
    return ana


def show(organization: Organization, stage: str) -> None:
    """Put a rotation at `stage` into the list, in place of the one before."""
    by = organization.members.get(user_name="ana@acme.example").actor()
    for api_key in organization.api_keys.existing().filter(kind="scim"):
        api_key.delete_key(by=by)
    rotated(organization, stage, by=by, delete_when_silent=stage == "silent")


@pytest.mark.parametrize("mode", MODES)
def test_each_stage_of_a_rotation_has_no_fault_that_a_program_finds(berlin: Member, open_browser: Open, mode: str):
    page = open_browser(berlin, **MODES[mode])
    wrong = []
    for stage in STAGES:
        show(berlin.organization, stage)
        page.goto(LIST)
        expect(page.locator(f".handover.{stage}")).to_be_visible()
        wrong += look(page, f"rotation-{stage}", mode)
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def watched(berlin: Member) -> ApiKey:
    """A key of which much is known: reminders sent, waiting and refused, new origins."""
    acme, now = berlin.organization, timezone.now()
    old, _ = rotated(acme, "both", by=berlin.actor(), allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    meet = KnownOrigin.objects.all().meet
    meet(old, Origin("203.0.113.7", "Okta SCIM Client 1.0.0"), now - 300 * DAY)
    meet(old, Origin("203.0.113.9", "python-requests/2.32"), now - DAY)
    meet(old, Origin("198.51.100.20", "curl/8.9"), now, refused=True)
    told = dict.fromkeys(("ana@acme.example", "it-team@acme.example"))
    for address in told:
        Notice.objects.create(api_key=old, kind="month", recipient=address, sent_at=now - 10 * DAY, attempts=1)
    Notice.objects.filter(recipient="it-team@acme.example").update(
        sent_at=None, failed_at=now - 9 * DAY, attempts=12, failure="550 5.1.1 <it-team@acme.example>: unknown user"
    )
    Notice.objects.filter(api_key=old, kind="generated").update(sent_at=now - 345 * DAY, attempts=1)
    Notice.objects.filter(api_key=old, kind="new_origin").update(
        attempts=3, next_attempt_at=now + dt.timedelta(hours=1), failure="451 4.7.1 Greylisted, try again later"
    )
    chain = new_key(acme, by=berlin.actor(), description="Okta sandbox").api_key
    for number in (2, 3):
        chain = chain.rotate(description=f"Okta sandbox {number}", expires_on=None, by=berlin.actor()).api_key
    long = new_key(acme, "api_write", by=berlin.actor(), description="w" * 120).api_key
    use(long, dt.timedelta(minutes=4))
    return old


def refuse(page: Page) -> None:
    page.get_by_label("Type its description").fill("Something else")
    page.get_by_role("button", name="Delete key").click()
    expect(page.locator(".errorlist")).to_be_visible()


def refuse_networks(page: Page) -> None:
    dialog(LIST, "Rotate Monthly report", "Rotate key")(page)
    page.locator("summary", has_text="Restrict to networks").click()
    page.get_by_label("Allowed networks").fill("203.0.113.7/24")
    page.get_by_role("button", name="Make the new key").click()
    expect(page.locator(".errorlist")).to_be_visible()


def refuse_deletion(page: Page) -> None:
    dialog(LIST, "Delete old key Okta production", "Delete this key?")(page)
    refuse(page)


def rotate(page: Page) -> None:
    dialog(LIST, "Rotate Monthly report", "Rotate key")(page)
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()


@pytest.mark.parametrize("mode", MODES)
def test_the_pages_of_key_care_have_no_fault_that_a_program_finds(
    watched: ApiKey, berlin: Member, open_browser: Open, mode: str
):
    old = f"{LIST}/keys/{watched.key_id}"
    expired = ApiKey.objects.get(description="Monthly report")
    scenes: dict[str, Reach] = {
        "keys-crowded": at(LIST),
        "key-page": at(old),
        "key-page-unused": at(f"{LIST}/keys/{expired.key_id}"),
        "key-rotation": dialog(LIST, "Rotate Monthly report", "Rotate key"),
        "key-rotation-page": at(f"{LIST}/keys/{expired.key_id}/rotation"),
        "key-rotation-refused": refuse_networks,
        "key-rotated-before": at(f"{old}/rotation"),
        "key-deletion-both": dialog(LIST, "Delete old key Okta production", "Delete this key?"),
        "key-deletion-refused": refuse_deletion,
        "key-deletion-new": dialog(LIST, "Delete Okta production", "Delete this key?"),
        "key-policy": dialog(f"{ACME}/security", "Edit the policy", "Policy for API keys"),
        "key-policy-page": at(f"{ACME}/security/api-keys"),
        "key-rotation-shown-once": rotate,
    }
    page = open_browser(berlin, **MODES[mode])
    wrong = []
    for name, reach in scenes.items():
        reach(page)
        wrong += look(page, name, mode)
    policy = {"key_expiration_required": True, "key_lifetime_days": 60}
    berlin.organization.set_key_policy(by=berlin.actor(), **policy)
    required: dict[str, Reach] = {
        "security-required": at(f"{ACME}/security"),
        "keys-against-policy": at(LIST),
        "key-new-required": dialog(LIST, "Generate API key", "Generate API key"),
    }
    for name, reach in required.items():
        reach(page)
        wrong += look(page, name, mode)
    assert not wrong, "\n".join(wrong)
