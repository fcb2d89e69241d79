"""The doors of browsers: settings pages, sign-in and account pages, the staff admin, and what anybody may open.

The addresses come from the URL configuration, and the forms from the pages themselves.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from django.conf import settings

from tests.fuzz.chance import Chance
from tests.fuzz.envelope import filled, headers_of, identifier, method
from tests.fuzz.forms import TOKEN, Form, filled_in, forms_in, sent
from tests.fuzz.request import Header, Request, sendable, with_query
from tests.fuzz.routes import routes_below
from tests.fuzz.world import WORDS, Belongings, World

Get = Callable[[str, Sequence[Header]], tuple[int, str]]

EVERYWHERE = "".join(WORDS)
QUERIES = ("q", "search", "after", "before", "type", "status", "new", "like", "next", "page", "role", "x", "replaces")
STAFF_QUERIES = (
    "q",
    "o",
    "p",
    "all",
    "e",
    "_popup",
    "_to_field",
    "_changelist_filters",
    "organization__id__exact",
    "created_at_from",
    "created_at_to",
    "is_active__exact",
    "digest__startswith",
    "organization__public_id",
    "action",
    "app_label",
    "model_name",
    "field_name",
    "term",
)
PUBLIC = ("/healthz", "/readyz", "/docs/api", "/favicon.ico", "/v1.0/schema", "/", "/static/app.css", "/static/", "/x")
ACTIONS = ("delete_selected", "deactivate", "activate", "", "x")


def cookies(session: str) -> Header:
    """Return the cookies of somebody who is signed in, or of nobody, with the token of forms."""
    own = f"; {settings.SESSION_COOKIE_NAME}={session}" if session else ""
    return "Cookie", f"{settings.CSRF_COOKIE_NAME}={TOKEN}{own}"


class Site:
    """The pages, and the forms that were found on them by route."""

    def __init__(self, world: World, get: Get) -> None:
        self.settings = routes_below("/settings")
        # Signing out ends the session that the next requests need.
        self.accounts = tuple(route for route in routes_below("/accounts") if "logout" not in route)
        self.staff = tuple(route for route in routes_below("/admin") if "logout" not in route)
        self.forms: defaultdict[str, list[Form]] = defaultdict(list)
        self.staff_ids = staff_ids(world, get)
        self._look_around(world, get)

    def _look_around(self, world: World, get: Get) -> None:
        chance, own = Chance("look around"), world.organizations["a"]
        admin, superuser = own.sessions["Admin"], world.staff["superuser"]
        for routes, session in ((self.settings, admin), (self.accounts, ""), (self.accounts, admin)):
            for route in routes:
                path = re.sub(r"<(\w+)>", lambda match: known(chance, match[1], own), route)
                self._find_forms(route, path, session, get)
        for route in self.staff:
            model = "/".join(route.split("/")[2:4])
            for object_id in self.staff_ids.get(model, [])[:1]:
                self._find_forms(route, re.sub(r"<\w+>", object_id, route), superuser, get)

    def _find_forms(self, route: str, path: str, session: str, get: Get) -> None:
        status, page = get(path, [cookies(session)])
        if status == 200:
            self.forms[route] += forms_in(page)

    # Requests ---------------------------------------------------------------------------------------------------------

    def settings_request(self, chance: Chance, world: World) -> Request:
        """Return any request to a settings page."""
        own = chance.pick(world.all)
        session, sees = chance.pick(tuple(own.sessions.values())), own.letter
        if chance.once_in(2):
            session = own.sessions["Admin"]
        elif chance.once_in(12):
            session, sees = chance.pick(((world.shared, "ac"), (world.stranger, ""), ("", "")))
        # Whoever turns SCIM off for good shuts the identity providers' door for the requests that follow.
        routes = [route for route in self.settings if own.letter == "c" or "scim/deactivation" not in route]
        route = chance.pick(routes)
        path = filled(chance, route, world, own)
        return self._request(chance, "settings", route, path, session, sees, QUERIES)

    def account_request(self, chance: Chance, world: World) -> Request:
        """Return any request to a sign-in or account page; what was typed may be shown again."""
        own = chance.pick(world.all)
        session = chance.mostly("", (world.stranger, own.sessions["Employee"]), once_in=3)
        route = chance.pick(self.accounts)
        path = filled(chance, route, world, own)
        if "<" in path:
            path = route.replace("<uidb36>", chance.pick(("1", "2s", "x" * 99))).replace("<key>", "c9z4-abc")
        return self._request(chance, "accounts", route, path, session, own.letter, QUERIES, own)

    def staff_request(self, chance: Chance, world: World) -> Request:
        """Return any request to the staff admin."""
        route = chance.pick(self.staff)
        model = "/".join(route.split("/")[2:4])
        ids = self.staff_ids.get(model, ["1"])
        path = re.sub(r"<\w+>", lambda _: sendable(chance.mostly(chance.pick(ids), (chance.short_text(), "0"))), route)
        session = chance.mostly(world.staff["superuser"], (world.staff["helper"], world.stranger, ""), once_in=10)
        sees = EVERYWHERE if session == world.staff["superuser"] else ""
        return self._request(chance, "staff", route, path, session, sees, STAFF_QUERIES)

    def public_request(self, chance: Chance, world: World) -> Request:
        """Return a request to what anybody may open."""
        path = chance.pick(PUBLIC) if not chance.once_in(10) else "/" + sendable(chance.short_text())
        return self._request(chance, "public", path, path, "", "", ("x", "next", "format"))

    def _request(
        self,
        chance: Chance,
        door: str,
        route: str,
        path: str,
        session: str,
        sees: str,
        names: Sequence[str],
        own: Belongings | None = None,
    ) -> Request:
        headers = [*headers_of(chance), cookies(session)]
        query = []
        while chance.once_in(3):
            query.append((chance.pick(names), chance.text()))
        target = with_query(path, query)[:60_000]
        forms = self.forms.get(route)
        if not (forms and chance.once_in(2)):
            return Request(door, method(chance, "GET"), target, headers, sees=sees)
        pairs = filled_in(chance, chance.pick(forms))
        if len(sees) == 1:
            # What the first organization's page had in its form would look as if it had been told.
            pairs = [(name, value.replace(WORDS["a"], WORDS[sees])) for name, value in pairs]
        if own is not None and chance.once_in(3):
            pairs = [(name, own.addresses[5] if name in ("login", "email") else value) for name, value in pairs]
        if door == "staff" and chance.once_in(8):
            pairs += [("action", chance.pick(ACTIONS)), ("_selected_action", chance.pick(("1", "x", "")))]
        body = sent(chance, pairs, headers)
        return Request(door, method(chance, "POST"), target, headers, body, sees=sees)


def known(chance: Chance, name: str, own: Belongings) -> str:
    """Return something that there is, for the parameter of an address."""
    world = World({own.letter: own}, {}, "", "")
    likely = [identifier(chance, name, world, own) for _ in range(9)]
    return max(likely, key=likely.count)


def staff_ids(world: World, get: Get) -> dict[str, list[str]]:
    """Return the ids of rows that the staff's lists lead to, by application and model."""
    found: dict[str, list[str]] = {}
    for route in routes_below("/admin"):
        if re.fullmatch(r"/admin/\w+/\w+/", route):
            model = route.removeprefix("/admin/").strip("/")
            _, page = get(route, [cookies(world.staff["superuser"])])
            ids = re.findall(rf'href="{route}([^/"?]+)/change/', page)
            found[model] = list(dict.fromkeys(ids))[:30] or ["1"]
    return found
