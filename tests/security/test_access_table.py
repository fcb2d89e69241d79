"""Each address and method of docs/access.md is tried by each kind of caller: who it names gets in, and nobody else."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from members.models import Level, Member, Organization, Scope, User
from tests.conftest import new_key, once_an_admin, person, sign_in_staff
from tests.fuzz.world import NAMES
from torii_settings import access_table
from torii_settings.access_table import Entry, Who, document, entries

ROLES = ("Admin", "IT Admin", "Read Only", "Procurement", "Employee")
REFUSED = (401, 403)


def scope_of(entry: Entry) -> Scope:
    return next(scope for scope in Scope if scope.label == entry.scope)


def calls(*who: Who) -> Iterator[tuple[Entry, str]]:
    """Yield each address with each of its methods that is for these callers."""
    for entry in entries():
        if entry.who in who:
            for method in entry.methods:
                yield entry, method


@pytest.fixture
def cast(acme: Organization) -> dict[str, Member]:
    """Return a member of acme for each role."""
    return {role: person(acme, f"{role.split()[0].lower()}@acme.example", f"A {role}", role) for role in ROLES}


@pytest.fixture
def call(acme: Organization, cast: dict[str, Member]) -> Callable[..., int]:
    """Return a function that calls an address with ids of acme's, undoes what that did, and gives the status."""
    target = person(acme, "target@acme.example", "The Target")
    key = new_key(acme, description="Target").api_key
    event = acme.events.first()
    assert event is not None
    ids = {"member": target.pk, "role": cast["Admin"].role.public_id, "key": key.key_id, "event": event.pk}

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return acme.public_id if "organization" in name else str(ids.get(NAMES.get(name, name), target.pk))

    def status(browser: Client, entry: Entry, method: str, key: str = "", pk: str = "") -> int:
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: pk or fill(match), entry.path)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with transaction.atomic():
            response = browser.generic(method, address, b"{}", content_type="application/json", headers=headers)
            transaction.set_rollback(True)
        code: int = response.status_code
        return 401 if code == 302 and "/login/?next=" in response.headers["Location"] else code

    return status


def test_the_document_is_what_the_views_declare() -> None:
    """`make access` writes it."""
    assert access_table.DOCUMENT.read_text() == document()


def test_a_view_that_declares_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(access_table.NAMED, "healthz")
    with pytest.raises(access_table.Undeclared, match="/healthz"):
        entries()


def test_a_settings_page_opens_for_the_roles_that_it_names(
    call: Callable[..., int], cast: dict[str, Member], sign_in: Callable[[Member], Client]
) -> None:
    browsers = {role: sign_in(member) for role, member in cast.items()}
    tried = list(calls(Who.ROLE, Who.ADMIN))
    assert len(tried) > 30
    for entry, method in tried:
        assert call(Client(), entry, method) == 401, f"{method} {entry.path}: a stranger"
        for role, member in cast.items():
            may = member.role.is_admin or (
                entry.who == Who.ROLE and member.role.allows(scope_of(entry), Level(entry.level))
            )
            status = call(browsers[role], entry, method)
            assert (status not in REFUSED) == may, f"{method} {entry.path}: {role} got {status}"


def test_what_asks_for_a_sign_in_asks_strangers_for_one(call: Callable[..., int]) -> None:
    for entry, method in calls(Who.MEMBER, Who.SIGNED_IN, Who.STAFF, Who.ROLE):
        assert call(Client(), entry, method) in REFUSED, f"{method} {entry.path}"


def test_what_is_for_anybody_asks_for_nothing(call: Callable[..., int]) -> None:
    for entry, method in calls(Who.ANYBODY):
        # A form without what belongs in it is refused otherwise.
        assert call(Client(), entry, method) not in REFUSED or entry.path == "/admin/login/", f"{method} {entry.path}"


def test_an_address_of_rest_opens_for_the_keys_that_it_names(
    call: Callable[..., int], acme: Organization, cast: dict[str, Member], settings: Any
) -> None:
    settings.KEY_RATE_LIMIT = settings.BAD_KEY_LIMIT = 0
    keys = {
        (role, kind): new_key(acme, kind, by=once_an_admin(member)).text
        for role, member in cast.items()
        for kind in ("api_read", "api_write")
    }
    scim = new_key(acme, "scim").text
    tried = list(calls(Who.API_KEY))
    assert len(tried) >= 15
    for entry, method in tried:
        assert call(Client(), entry, method) == 401, f"{method} {entry.path}: no key"
        assert call(Client(), entry, method, scim) in REFUSED, f"{method} {entry.path}: a SCIM key"
        for (role, kind), text in keys.items():
            may = cast[role].role.allows(scope_of(entry), Level(entry.level))
            may = may and (kind == "api_write" or entry.level == Level.READ)
            status = call(Client(), entry, method, text)
            assert (status not in REFUSED) == may, f"{method} {entry.path}: {kind} by {role} got {status}"


def test_an_address_of_scim_opens_for_scim_keys_alone(
    call: Callable[..., int], acme: Organization, settings: Any
) -> None:
    settings.KEY_RATE_LIMIT = settings.BAD_KEY_LIMIT = 0
    keys = {kind: new_key(acme, kind).text for kind in ("scim", "api_read", "api_write")}
    tried = list(calls(Who.SCIM_KEY))
    assert len(tried) > 20
    for entry, method in tried:
        assert call(Client(), entry, method) == 401, f"{method} {entry.path}: no key"
        for kind, text in keys.items():
            status = call(Client(), entry, method, text)
            assert (status not in REFUSED) == (kind == "scim"), f"{method} {entry.path}: {kind} got {status}"


def test_a_page_of_the_staff_admin_opens_with_the_permission_that_it_names(
    call: Callable[..., int],
    cast: dict[str, Member],
    sign_in: Callable[[Member], Client],
    staff: Callable[[str], Client],
) -> None:
    rows = {"organization": str(cast["Admin"].organization.pk), "member": str(cast["Employee"].pk)}
    outsider = sign_in(cast["Admin"])
    tried = list(calls(Who.STAFF, Who.NOBODY))
    assert len(tried) > 40
    for entry, method in tried:
        pk = rows.get(entry.path.split("/")[3], "") if entry.path.count("/") > 3 else ""
        assert call(outsider, entry, method, pk=pk) in REFUSED, f"{method} {entry.path}: a customer's Admin"
        # Of the rest there is no row here, and a page that isn't there is refused to nobody.
        leads_on = entry.path.endswith("<path:object_id>/")
        if (pk and not leads_on) or entry.path.endswith("/add/"):
            assert call(staff("none"), entry, method, pk=pk) == 403, f"{method} {entry.path}: staff without permissions"
        if entry.right:
            status = call(staff(entry.right), entry, method, pk=pk)
            assert status not in REFUSED, f"{method} {entry.path}: {entry.right} got {status}"


@pytest.fixture
def staff(db: None) -> Callable[[str], Client]:
    """Return a function that gives the browser of somebody of the staff."""
    return cache(signed_in_staff)


def signed_in_staff(right: str) -> Client:
    """Return the browser of somebody of the staff who has one permission, or none."""
    user = User.objects.create_user(f"{right}@vendor.example", None, is_staff=True)
    if right != "none":
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    browser = Client()
    sign_in_staff(browser, user)
    return browser
