"""Whatever a client sends, it gets a SCIM answer that says whose fault it is, and a refused request changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from django.db import transaction
from scim2_models import Context

from members.models import Group as DirectoryGroup, GroupMembership, Member, Organization
from scim.schemas import FullUser, Group
from tests.identity_provider import ENTERPRISE, PATCH_OP, IdentityProvider, Response, assert_error
from tests.scim.generators import GROUP_ATTRIBUTES, USER_ATTRIBUTES, Attribute, flattened

MODELS: dict[str, Any] = {"Users": FullUser, "Groups": Group}

WRITES = ("POST", "PUT", "PATCH")

# RFC 7644 Table 9, without `tooMany` and `sensitive`, which nothing here is, and one of RFC 9865.
SCIM_TYPES = (
    "invalidSyntax",
    "invalidValue",
    "invalidPath",
    "invalidFilter",
    "mutability",
    "noTarget",
    "uniqueness",
    "invalidCursor",
)

WRONG_VALUES: list[Any] = [
    5,
    1.5,
    10**400,
    True,
    "x",
    "",
    None,
    [],
    {},
    ["x"],
    [5],
    [None],
    [[]],
    [["x"]],
    [{}],
    {"x": "y"},
    {"value": {"value": "x"}},
    {"value": []},
    [{"value": {"deep": 1}}],
    [{"value": 5, "primary": "yes", "type": []}],
    {"x": {}},
]


@pytest.fixture(autouse=True)
def no_rate_limit(settings: Any) -> None:
    settings.KEY_RATE_LIMIT = 0


@pytest.fixture
def path(okta: IdentityProvider, ana: Member) -> str:
    """The path of a user who has a value of nearly everything."""
    user = okta.create(
        name={"givenName": "Bob", "familyName": "Öztürk", "formatted": "Mr Bob"},
        externalId="00u1",
        displayName="Bob",
        emails=[{"value": "bob@acme.example", "type": "work", "primary": True}],
        addresses=[{"locality": "Köln", "type": "work"}],
        **{ENTERPRISE: {"department": "IT", "manager": {"value": "7"}}},
    )
    return f"/Users/{user.json()['id']}"


def body_of(method: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a body that says `document` of a resource; a PATCH replaces what it names."""
    return patch_of({"op": "replace", "value": document}) if method == "PATCH" else document


def patch_of(*operations: Any) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH_OP], "Operations": operations}


def address(method: str, path: str) -> str:
    """Return where to send a request about the resource at `path`: a new one goes to the collection."""
    return path.rpartition("/")[0] if method == "POST" else path


@contextmanager
def nothing_changes(okta: IdentityProvider) -> Iterator[None]:
    """Assert that the block changes nothing, neither the resources nor when they were changed."""
    before = [okta.get(path).content for path in ("/Users", "/Groups")]
    yield
    assert [okta.get(path).content for path in ("/Users", "/Groups")] == before


def assert_refused(response: Response) -> None:
    """Assert that a request is refused with a SCIM error of a type that SCIM knows."""
    scim_type = response.json().get("scimType")
    assert scim_type in SCIM_TYPES, response.content
    assert_error(response, 409 if scim_type == "uniqueness" else 400, scim_type)


# Bodies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b" \n", "JSON"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'[{"userName": "bob@acme.example"}]', "object"),
        (b'"userName"', "object"),
        (b"5", "object"),
        (b"{", "line 1"),
        (b'{"displayName": "x"', "JSON"),
        (b"{'displayName': 'x'}", "JSON"),
        (b'{"displayName": "x",}', "JSON"),
        (b'{"displayName": undefined}', "JSON"),
        (b'{"active": NaN}', "JSON"),
        (b'{"active": -Infinity}', "JSON"),
        (b'{"displayName": "\xff"}', "UTF-8"),
        (b'{"displayName": "\xc3"}', "UTF-8"),
        (b'{"displayName": "\xed\xa0\x80"}', "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'\xef\xbb\xbf{"displayName": "x"}', "JSON"),
        (b'{"displayName": "a\nb"}', "JSON"),
        (b'{"displayName": 1e400}', "too large"),
        (b'{"displayName": -1e400}', "too large"),
        (b'{"displayName": 1' + b"0" * 5000 + b"}", "digits"),
        (b'{"displayName": "x", "displayName": "y"}', "twice"),
        (b'{"displayName": "x", "DISPLAYNAME": "y"}', "twice"),
        (b'{"name": {"givenName": "x", "GIVENNAME": "x"}}', "twice"),
        (b'{"emails": [{"value": "x", "value": "x"}]}', "twice"),
        (b'{"Operations": [{"op": "add", "Op": "remove"}]}', "twice"),
        (b'{"x":' * 22 + b"1" + b"}" * 22, "deep"),
        (b'{"x":' + b"[" * 21 + b"]" * 21 + b"}", "deep"),
        (b'{"x":' * 100_000 + b"1" + b"}" * 100_000, "deep"),
        (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "deep"),
    ],
)
def test_a_body_that_is_not_well_formed_is_invalid_syntax(
    okta: IdentityProvider, path: str, body: bytes, words: str
) -> None:
    with nothing_changes(okta):
        for method in WRITES:
            assert_error(okta.call(method, address(method, path), body), 400, "invalidSyntax", words)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\udfff", "x" * 100_000], ids=["NUL", "high", "low", "long"])
def test_a_string_that_cannot_be_stored_is_refused_wherever_it_is(
    okta: IdentityProvider, path: str, method: str, text: str
) -> None:
    places: list[dict[str, Any]] = [
        {"displayName": text},
        {"name": {"givenName": text}},
        {"emails": [{"value": text}]},
        {ENTERPRISE: {"manager": {"value": text}}},
        {"unknown": [[text]]},
        {text: "x"},
    ]
    for document in places:
        with nothing_changes(okta):
            body = body_of(method, {"userName": "bob@acme.example"} | document)
            response = okta.call(method, address(method, path), body)
            assert_error(response, 400, "invalidValue")
            assert len(response.content) < 1000


@pytest.mark.parametrize(
    "body", [{}, {"Operations": None}, {"Operations": []}, {"Operations": {}}, {"Operations": [5]}]
)
def test_a_patch_without_operations_is_refused(okta: IdentityProvider, path: str, body: Any) -> None:
    with nothing_changes(okta):
        assert_error(okta.call("PATCH", path, {"schemas": [PATCH_OP]} | body), 400, "invalidValue")


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"op": None},
        {"op": "Move", "path": "title", "value": "x"},
        {"op": ["add"], "path": "title", "value": "x"},
        {"op": "add", "path": "title"},
        {"op": "replace", "path": "title"},
        {"op": "add", "path": "title", "value": None},
        {"op": "remove"},
        {"op": "remove", "path": ""},
        {"op": "add", "path": 5, "value": "x"},
        {"op": "add", "path": ["title"], "value": "x"},
        {"op": "add", "path": {}, "value": "x"},
        {"op": "add", "value": "x"},
        {"op": "add", "value": ["title"]},
        {"op": "add", "path": "title.", "value": "x"},
        {"op": "add", "path": "emails[", "value": "x"},
        {"op": "add", "path": "emails[]", "value": "x"},
        {"op": "add", "path": "emails[type eq]", "value": "x"},
        {"op": "add", "path": 'emails[type eq "work"', "value": "x"},
        {"op": "add", "path": 'title[value eq "x"]', "value": "x"},
        {"op": "add", "path": "emails[" + "not (" * 100 + 'type eq "x"' + ")" * 100 + "]", "value": {"value": "x"}},
        {"op": "add", "path": 'emails[value eq "\\u0000"].display', "value": "x"},
        {"op": "add", "path": 'emails[value eq "\\ud800"].display', "value": "x"},
        {"op": "remove", "path": "userName"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"},
        {"op": "replace", "path": "groups", "value": [{"value": "x"}]},
        {"op": "replace", "path": "userName", "value": "eve@acme.example"},
        {"op": "replace", "path": "userType", "value": "Emperor"},
    ],
)
def test_a_patch_with_a_bad_operation_does_not_do_the_good_one_either(
    okta: IdentityProvider, path: str, operation: Any
) -> None:
    good = {"op": "replace", "path": "title", "value": "Half a write"}
    for operations in ([good, operation], [operation, good]):
        with nothing_changes(okta):
            assert_refused(okta.call("PATCH", path, patch_of(*operations)))


def test_a_refused_user_does_not_come_into_being(okta: IdentityProvider, acme: Organization) -> None:
    for attributes in ({"userType": "Emperor"}, {"user_name": "bob@elsewhere.example"}, {"emails": 5}, {"active": "?"}):
        assert_error(okta.create(**attributes), 400, "invalidValue")
    assert not acme.members.exists()


# Types --------------------------------------------------------------------------------------------------------------


def wrongly(attribute: Attribute) -> Iterator[dict[str, Any]]:
    """Yield documents with a value of a wrong type, or none at all, for the attribute and for each part of it."""
    yield from ({attribute.path: value} for value in WRONG_VALUES)
    for part in attribute.parts:
        name = part.path if not attribute.is_extension else part.path.removeprefix(f"{attribute.path}:")
        name = name.rpartition(".")[2]
        for value in WRONG_VALUES[::5]:
            yield {attribute.path: [{name: value}] if attribute.many else {name: value}}


@contextmanager
def no_row_changes() -> Iterator[None]:
    """Assert that the block leaves everything as it is that a request could have written."""

    def rows() -> list[Any]:
        return [list(model.objects.order_by("pk").values()) for model in (Member, DirectoryGroup, GroupMembership)]

    before = rows()
    yield
    assert rows() == before


def try_out(okta: IdentityProvider, method: str, path: str, body: Any) -> None:
    """Send a request; assert that it is refused, or else makes sense, which is then undone."""
    resource = path.split("/")[1]
    with transaction.atomic():
        response = okta.call(method, path, body, attributes="")  # all of them, of a patched group too
        if response.status_code >= 300:
            assert_refused(response)
            return
        answer = okta.get(f"/{resource}/{response.json()['id']}").json()
        assert answer == response.json()
        MODELS[resource].model_validate(answer, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        transaction.set_rollback(True)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("attribute", USER_ATTRIBUTES, ids=lambda attribute: attribute.name)
def test_a_value_of_a_wrong_type_is_refused_or_put_right(
    okta: IdentityProvider, path: str, method: str, attribute: Attribute
) -> None:
    named = {"POST": {"userName": "carol@acme.example"}, "PUT": {"userName": "bob@acme.example"}}.get(method, {})
    with no_row_changes():
        for document in wrongly(attribute):
            try_out(okta, method, address(method, path), body_of(method, named | document))


@pytest.mark.parametrize("attribute", USER_ATTRIBUTES, ids=lambda attribute: attribute.name)
def test_a_value_of_a_wrong_type_at_a_path_is_refused_or_put_right(
    okta: IdentityProvider, path: str, attribute: Attribute
) -> None:
    some = {"add": WRONG_VALUES[::2], "replace": WRONG_VALUES, "remove": WRONG_VALUES[1::2]}
    cases = [(op, attribute.path, value) for op, values in some.items() for value in values]
    cases += [("replace", part.path, value) for part in attribute.parts for value in WRONG_VALUES[::5]]
    with no_row_changes():
        for op, name, value in cases:
            try_out(okta, "PATCH", path, patch_of({"op": op, "path": name, "value": value}))


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("attribute", GROUP_ATTRIBUTES, ids=lambda attribute: attribute.name)
def test_a_value_of_a_wrong_type_is_refused_or_put_right_in_a_group(
    okta: IdentityProvider, ana: Member, method: str, attribute: Attribute
) -> None:
    group = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": str(ana.pk)}]}).json()
    named = {} if method == "PATCH" else {"displayName": "Players"}
    with no_row_changes():
        for document in wrongly(attribute):
            try_out(okta, method, address(method, f"/Groups/{group['id']}"), body_of(method, named | document))


@pytest.mark.parametrize("method", WRITES)
def test_a_string_of_100_000_characters_is_too_long_for_any_attribute(
    okta: IdentityProvider, path: str, method: str
) -> None:
    named = {} if method == "PATCH" else {"userName": "bob@acme.example"}
    text = "x" * 100_000
    with nothing_changes(okta):
        for attribute in flattened(USER_ATTRIBUTES):
            document: Any = text
            extension, _, names = attribute.path.rpartition(":")
            for name in reversed([*filter(None, [extension]), *names.split(".")]):
                document = {name: document}
            body = body_of(method, named | document)
            assert_error(okta.call(method, address(method, path), body), 400, "invalidValue")


# Addresses ----------------------------------------------------------------------------------------------------------

TEXT_PARAMETERS = ("filter", "sortBy", "sortOrder", "attributes", "excludedAttributes", "cursor")

NO_UUIDS = (
    "5",
    "x",
    "null",
    "%00",
    "%ff",
    "%ed%a0%80",
    "%F0%9F%98%80",
    "..%2f..%2fetc",
    "'%20OR%201=1",
    "00000000-0000-0000-0000-00000000000",
    "٣" * 32,
    "x" * 100_000,
)


@pytest.mark.parametrize("identifier", NO_UUIDS, ids=lambda text: ascii(text)[:20])
def test_what_is_no_id_names_nothing(okta: IdentityProvider, identifier: str) -> None:
    bodies = {"PUT": {"displayName": "x"}, "PATCH": patch_of({"op": "remove", "path": "title"})}
    for resource, method in product(("Users", "Groups", "Roles"), ("GET", "PUT", "PATCH", "DELETE")):
        response = okta.call(method, f"/{resource}/{identifier}", bodies.get(method))
        assert_error(response, 404)
        assert len(response.content) < 1000


@pytest.mark.parametrize("name", ["count", "startIndex"])
def test_a_count_that_is_no_number_is_refused(okta: IdentityProvider, name: str) -> None:
    spellings = ("abc", "1.5", "1e3", "0x10", "--1", "1 2", "true", "null", "[]", "%00", "%ff", "%ed%a0%80", "9" * 5000)
    for value in spellings:
        assert_error(okta.call("GET", f"/Users?{name}={value}"), 400, "invalidValue", name)


@pytest.mark.parametrize("name", ["count", "startIndex"])
def test_a_count_out_of_range_is_brought_into_it(okta: IdentityProvider, path: str, name: str) -> None:
    for value in ("-1", "0", "", "-99999999999999", "99999999999999", "%201%20"):
        answer = okta.call("GET", f"/Users?{name}={value}").json()
        assert answer["totalResults"] == 2, value
        assert answer["startIndex"] >= 1, value
        assert answer["itemsPerPage"] == len(answer["Resources"]), value


@pytest.mark.parametrize("name", ["count", "startIndex"])
def test_a_count_of_a_wrong_type_is_refused_in_a_search_too(okta: IdentityProvider, name: str) -> None:
    for value, resource in product(("x", 1.5, True, [], {}, "9" * 5000), ("/Users", "/Groups", "/Roles", "")):
        response = okta.call("POST", f"{resource}/.search", {name: value})
        assert_error(response, 400, "invalidValue", name)


@pytest.mark.parametrize("name", TEXT_PARAMETERS)
def test_no_wrong_type_breaks_a_search(okta: IdentityProvider, name: str) -> None:
    values: list[Any] = [5, 1.5, True, {}, {"x": "y"}, [5], [[]], [None], ["x", {}]]
    for value in values:
        response = okta.call("POST", "/Users/.search", {name: value})
        if response.status_code != 200:
            assert_refused(response)


NONSENSE = (
    "%00",
    "%ff",
    "%ed%a0%80",
    "%25",
    "'",
    '"',
    "\\",
    "[",
    "]",
    "(",
    ")",
    ".",
    ":",
    ",",
    "urn:",
    "urn:x:y",
    "$ref",
    "x" * 3000,
)


@pytest.mark.parametrize(
    "name", ["filter", "sortBy", "sortOrder", "attributes", "excludedAttributes", "cursor", "x%00"]
)
def test_no_nonsense_in_a_parameter_breaks_a_list(okta: IdentityProvider, path: str, name: str) -> None:
    for value, address in product(NONSENSE, ("/Users", "/Groups", "/Roles", "", path)):
        response = okta.call("GET", f"{address}?{name}={value}")
        assert response["Content-Type"] == "application/scim+json"
        if response.status_code != 200:
            assert_refused(response)


@pytest.mark.parametrize("joiner", [" or ", " and "])
def test_a_filter_of_a_thousand_terms_is_refused(okta: IdentityProvider, joiner: str, settings: Any) -> None:
    text = joiner.join(['title eq "x"'] * 1000)
    settings.SCIM_FILTER_LIMIT = 0
    for resource in ("/Users", "/Groups", "/Roles", ""):
        assert_error(okta.call("POST", f"{resource}/.search", {"filter": text}), 400, "invalidFilter")
