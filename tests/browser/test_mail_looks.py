"""The mails about accounts as a browser shows their HTML: in light, in dark and at 390 pixels, nothing cut off."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.test import Client

from members import second_factor
from members.account_mail import tell_new_device, tell_password
from members.models import Member, User
from outbox.tasks import deliver_mails
from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, photograph

ADDRESS = "ana@acme.example"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def mails(ana: Member) -> dict[str, str]:
    """Return the HTML of each mail, by a name for its picture."""
    user = User.objects.create_user(ADDRESS, "marmalade wobbles over seven hills")
    browser = Client(REMOTE_ADDR="2001:db8:85a3:8d3:1319:8a2e:370:7348", HTTP_USER_AGENT=FIREFOX)
    browser.post("/accounts/login/code/", {"email": ADDRESS})
    request: Any = browser.post("/accounts/password/reset/", {"email": ADDRESS}).wsgi_request
    tell_new_device(user, request)
    tell_password(user, request, is_first=True)
    tell_password(user, None, is_first=False)
    second_factor.note_removal(user, request)
    second_factor.note_new_recovery_codes(user, request)
    deliver_mails()
    names = ("code", "reset", "new-device", "password-set", "password-changed", "factor-removed", "codes-replaced")
    return {name: str(each.alternatives[0][0]) for name, each in zip(names, mail.outbox, strict=True)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["light", "dark", "narrow"])
def test_mails_have_no_fault_that_a_program_finds(mails: dict[str, str], open_browser: Open, mode: str):
    page = open_browser(**MODES[mode])
    wrong = []
    for name, html in mails.items():
        page.set_content(html)
        photograph(page, f"mail-{name}-{mode}")
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name}: scrolls sideways")
        # Landmarks are for pages: a mail is shown inside one.
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}})
        if found.violations_count:
            wrong.append(f"{name}: {found.generate_report()}")
    assert not wrong, "\n".join(wrong)
