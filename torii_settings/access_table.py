"""Who may do what where: `python -m torii_settings.access_table` writes docs/access.md.

The addresses come from the URL configuration, and what each needs from what its view declares: a settings page by
`members.access.requires`, an endpoint of REST by `scope`, one of SCIM by `opened_by`, a page of the staff admin by its
permissions. A view that declares nothing is an error, so none is forgotten.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from django.apps import apps
from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth import get_permission_codename
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "access.md"
SAFE = ("GET", "HEAD", "OPTIONS")
# What the staff admin answers where it has no page.
CATCH_ALL = "(?P<url>.*)$"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Who(StrEnum):
    """Kinds of caller."""

    ANYBODY = "anybody"
    SIGNED_IN = "anybody who is signed in"
    MEMBER = "a member, whatever their role"
    ROLE = "a member whose role may"
    ADMIN = "an Admin"
    SCIM_KEY = "a SCIM key"
    API_KEY = "an API key that may"
    STAFF = "staff"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who may use some methods at an address; `scope` and `level`, or staff's permission, say what it takes."""

    path: str
    methods: tuple[str, ...]
    who: Who
    scope: str = ""
    level: str = ""
    right: str = ""

    @property
    def needs(self) -> str:
        """What it needs, in words."""
        if self.right:
            return f"{self.who} with the permission `{self.right}`"
        if not self.scope:
            return str(self.who)
        writes = " and is read-write" if self.who == Who.API_KEY and self.level == "act" else ""
        return f"{self.who} {self.level} in {self.scope}{writes}"


# Pages whose views declare nothing themselves, by the name of their URL.
NAMED = {
    "home": Who.ANYBODY,
    "api-docs": Who.ANYBODY,
    "favicon": Who.ANYBODY,
    "healthz": Who.ANYBODY,
    "readyz": Who.ANYBODY,
    "account_login": Who.ANYBODY,
    "account_prove_address": Who.ANYBODY,
    "account_request_login_code": Who.ANYBODY,
    "account_confirm_login_code": Who.ANYBODY,
    "account_logout": Who.ANYBODY,
    "account_inactive": Who.ANYBODY,
    "account_signup": Who.ANYBODY,
    "account_reauthenticate": Who.SIGNED_IN,
    "account_change_password": Who.SIGNED_IN,
    "account_set_password": Who.SIGNED_IN,
    "account_reset_password": Who.ANYBODY,
    "account_reset_password_done": Who.ANYBODY,
    "account_reset_password_from_key": Who.ANYBODY,
    "account_reset_password_from_key_done": Who.ANYBODY,
    # A code is asked for in the middle of a sign-in.
    "mfa_authenticate": Who.ANYBODY,
    "mfa_index": Who.SIGNED_IN,
    "mfa_reauthenticate": Who.SIGNED_IN,
    "mfa_activate_totp": Who.SIGNED_IN,
    "mfa_deactivate_totp": Who.SIGNED_IN,
    "mfa_view_recovery_codes": Who.SIGNED_IN,
    "mfa_generate_recovery_codes": Who.SIGNED_IN,
}

# Settings pages whatever the role, by the name of their view; `members.middleware.CurrentMember` lets members in.
FOR_MEMBERS = {
    "home": Who.MEMBER,
    # Leads to the same page of an organization.
    "short_address": Who.SIGNED_IN,
}


class Undeclared(Exception):
    """A view declares nothing of what it needs."""


def entries() -> list[Entry]:
    """Return who may use what, in the order of the URL configuration. Raises Undeclared."""
    found = [entry for path, pattern in addresses(get_resolver().url_patterns) for entry in declared(path, pattern)]
    return list(dict.fromkeys(found))


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every address but those that catch what nothing else has, with the parameters' names in it."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif (isinstance(pattern.pattern, RoutePattern) or route.endswith("$")) and not route.endswith(CATCH_ALL):
            yield simplified(route), pattern


def simplified(route: str) -> str:
    """Return a route as the table has it, as in `/settings/members/<member_id>`."""
    return str(simplify_regex(route)).replace("\\", "")


def declared(path: str, pattern: URLPattern) -> Iterator[Entry]:
    """Yield what the view behind an address declares. Raises Undeclared."""
    view = pattern.callback
    of_class: Any = getattr(view, "cls", getattr(view, "view_class", None))
    if path.startswith("/admin/"):
        yield from of_staff(path, pattern.name or "")
    elif hasattr(view, "needs"):
        scope, level = view.needs
        if hasattr(view, "is_for_admins"):
            yield Entry(path, ("GET", "POST"), Who.ADMIN)
            return
        yield Entry(path, ("GET", "POST"), Who.ROLE, scope.label, level.value)
    elif path.startswith("/settings/") and view.__name__ in FOR_MEMBERS:
        yield Entry(path, ("GET", "POST"), FOR_MEMBERS[view.__name__])
    elif hasattr(of_class, "opened_by"):
        who = {"SCIM key": Who.SCIM_KEY, "member": Who.MEMBER, "anybody": Who.ANYBODY}[of_class.opened_by]
        yield Entry(path, tuple(methods_of(of_class)), who)
    elif hasattr(of_class, "given") or hasattr(of_class, "cache_control"):
        yield from of_endpoint(path, of_class)
    elif who_is_named := NAMED.get(pattern.name or ""):
        yield Entry(path, ("GET", "POST") if path.startswith("/accounts/") else ("GET",), who_is_named)
    else:
        raise Undeclared(f"{path}: declare who may use the view {view.__qualname__}.")


def methods_of(of_class: Any) -> list[str]:
    """Return the methods that a class-based view has, but for those that every one has."""
    allowed = [name.upper() for name in of_class.http_method_names]
    return [method for method in METHODS if method in allowed and hasattr(of_class, method.lower())]


def of_endpoint(path: str, of_class: Any) -> Iterator[Entry]:
    """Yield what an endpoint of REST needs for each of its methods."""
    for method in methods_of(of_class):
        if not of_class.authentication_classes:
            yield Entry(path, (method,), Who.ANYBODY)
        else:
            level = "read" if method in SAFE else "act"
            yield Entry(path, (method,), Who.API_KEY, of_class.scope.label, level)


# The staff admin ------------------------------------------------------------------------------------------------------

PAGES = {"changelist": "view", "add": "add", "change": "view", "delete": "delete", "history": "view"}


def of_staff(path: str, name: str) -> Iterator[Entry]:
    """Yield what a page of the staff admin needs, found by asking its ModelAdmin what each permission alone allows."""
    page = name.rpartition("_")[2]
    for model, model_admin in admin.site._registry.items():
        if name != f"{model._meta.app_label}_{model._meta.model_name}_{page}" or page not in PAGES:
            continue
        methods = ("GET", "POST") if page in ("add", "delete") else ("GET",)
        yield entry_of_staff(path, methods, model_admin, PAGES[page])
        if page == "change":
            yield entry_of_staff(path, ("POST",), model_admin, "change")
        return
    if name in ("login", "logout"):
        yield Entry(path, ("GET",), Who.ANYBODY)
    else:
        yield Entry(path, ("GET",), Who.STAFF)


def entry_of_staff(path: str, methods: tuple[str, ...], model_admin: Any, verb: str) -> Entry:
    """Return what it takes to do a verb with a model's rows."""
    check: Callable[[Any], bool] = getattr(model_admin, f"has_{verb}_permission")
    if not check(asking(*permissions())):
        return Entry(path, methods, Who.NOBODY)
    own = f"{model_admin.opts.app_label}.{get_permission_codename(verb, model_admin.opts)}"
    right = next((each for each in (own, *permissions()) if check(asking(each))), "several")
    return Entry(path, methods, Who.STAFF, right=right)


def permissions() -> list[str]:
    """Return all permissions that staff may be given."""
    models = [model._meta for model in apps.get_models()]
    verbs = ("view", "add", "change", "delete")
    return [f"{meta.app_label}.{get_permission_codename(verb, meta)}" for meta in models for verb in verbs]


def asking(*rights: str) -> Any:
    """Return the request of somebody of the staff who has these permissions and no other."""
    user = SimpleNamespace(
        is_active=True,
        is_staff=True,
        is_superuser=False,
        has_perm=lambda right, obj=None: right in rights,
        has_perms=lambda wanted, obj=None: set(wanted) <= set(rights),
    )
    return SimpleNamespace(user=user, method="GET", GET={}, POST={})


# The document ---------------------------------------------------------------------------------------------------------

HEAD = """\
# Who may do what where

`make access` writes this table from the URL configuration and from what the views declare.
`tests/security/test_access_table.py` tries each address with each kind of caller.

The table says who gets past the door. Behind it, each verb checks under its lock that nobody gives, takes or edits more
than they have themselves ([decision 61](decisions/0061-verbs-ask-for-power.md)). An id of another organization is a
404.

An address that isn't here is a 404. HEAD needs what GET needs; OPTIONS tells which methods there are. A REST key never
allows more than its maker may do now. A page of the staff admin that names no permission asks for one by itself.
"""


def document() -> str:
    """Return the text of docs/access.md."""
    rows = [f"| `{entry.path}` | {', '.join(entry.methods)} | {entry.needs} |" for entry in entries()]
    return "\n".join([HEAD, "| address | method | who |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    django.setup()
    DOCUMENT.write_text(document())
