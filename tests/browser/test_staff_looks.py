"""The staff admin in light, in dark and at 390 pixels: without a fault that axe-core finds, nothing cut off."""

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from members.directory import GroupProfile
from members.models import Group, Level, Member, Organization, Role, User
from members.models.scope import everywhere
from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, look
from tests.conftest import SETUP, new_key, organization, sign_in_staff

MODELS = (
    "members.organization",
    "members.role",
    "members.member",
    "members.group",
    "members.job",
    "members.user",
    "apikeys.apikey",
    "audit.event",
)
LONG = "Wolfeschlegelsteinhausenbergerdorff" * 2
SEEN = [mode for mode in MODES if mode != "zoomed"]


@pytest.fixture
def furnished(acme: Organization, ana: Member, ira: Member) -> Organization:
    """Give acme one of everything, and add an organization with a long name."""
    Group.add(acme, GroupProfile("Engineers", replace_members={ira.pk}), by=SETUP)
    Role(organization=acme, name="Contract Manager", access=everywhere(Level.READ)).create_role(by=SETUP)
    new_key(acme, description=LONG)
    new_key(acme, description="Report", kind="api_read").api_key.delete_key(by=SETUP)
    job = {"because": {"group": LONG}, "actor_kind": "staff", "actor_label": LONG, "total": 900, "done": 500}
    acme.jobs.create(**job)
    acme.jobs.create(**job, stopped="Acme would have no active Admin.", finished_at=timezone.now())
    organization(LONG, "long.example")
    return acme


def addresses(acme: Organization) -> dict[str, str]:
    """Return every kind of page, by a name for its picture."""
    found = {"index": reverse("admin:index")}
    objects = {
        "members.organization": acme.pk,
        "members.role": acme.roles.get(name="Contract Manager").pk,
        "members.member": acme.members.get(user_name="ira@acme.example").pk,
        "members.group": acme.groups.get().pk,
        "members.job": acme.jobs.get(stopped="").pk,
        "members.user": User.objects.get(is_staff=True).pk,
        "apikeys.apikey": acme.api_keys.existing().get().pk,
        "audit.event": Event.objects.filter(organization=acme).latest("id").pk,
    }
    for model in MODELS:
        name = model.replace(".", "_")
        found[f"{name}-list"] = reverse(f"admin:{name}_changelist")
        found[f"{name}-change"] = reverse(f"admin:{name}_change", args=[objects[model]])
    for model in ("members_organization", "members_role", "members_member", "members_user"):
        found[f"{model}-add"] = reverse(f"admin:{model}_add")
    found["apikeys_apikey-delete"] = reverse("admin:apikeys_apikey_delete", args=[objects["apikeys.apikey"]])
    found["stopped-job"] = reverse("admin:members_job_change", args=[acme.jobs.exclude(stopped="").get().pk])
    found["predefined-role"] = reverse("admin:members_role_change", args=[acme.roles.get(name="Admin").pk])
    return found


@pytest.mark.parametrize("mode", SEEN)
def test_the_staff_admin_has_no_fault_that_a_program_finds(
    furnished, client, live_server, open_browser: Open, mode: str
):
    page = open_browser(**MODES[mode])
    user = User.objects.create_superuser("stella@vendor.example", "a password of staff")
    sign_in_staff(client, user)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    wrong = []
    for name, path in addresses(furnished).items():
        page.goto(path)
        wrong += look(page, f"staff-{name}", mode)
    assert not wrong, "\n".join(wrong)
