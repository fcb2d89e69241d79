"""Media types, encodings, methods and addresses: what HTTP asks of every endpoint (RFC 7644 §3.8)."""

import gzip
import json
from typing import Any

import pytest

from members.models import Member, Organization
from tests.identity_provider import IdentityProvider, assert_error

BODY = json.dumps({"userName": "bob@acme.example"}).encode()
ADDRESSES = [
    "/Users",
    "/Groups",
    "/Roles",
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    "",
]


def send(okta: IdentityProvider, content_type: str, body: bytes = BODY, **headers: str) -> Any:
    """POST a user in a media type."""
    return okta.client.generic(
        "POST", "/scim/v2/Users", body, content_type=content_type, headers=okta.headers | headers
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/scim+json",
        "application/json",
        "application/scim+json; charset=utf-8",
        "application/scim+json;charset=UTF-8",
        "Application/JSON; Charset=utf8",
        "",
    ],
)
def test_both_media_types_are_read(okta: IdentityProvider, content_type: str) -> None:
    assert send(okta, content_type).status_code == 201


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("text/plain", "text/plain"),
        ("application/xml", "application/xml"),
        ("application/x-www-form-urlencoded", "x-www-form-urlencoded"),
        ("multipart/form-data; boundary=x", "multipart"),
        ("application/json; charset=utf-16", "utf-16"),
    ],
)
def test_anything_else_is_a_415(okta: IdentityProvider, acme: Organization, content_type: str, words: str) -> None:
    assert_error(send(okta, content_type), 415, "", words)
    assert not acme.members.exists()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/scim+json", "application/scim+json"),
        ("application/json", "application/json"),
        ("application/json; q=0.9, text/html", "application/json"),
        ("application/json, application/scim+json", "application/scim+json"),
        ("application/json, */*;q=0.1", "application/scim+json"),
        ("*/*", "application/scim+json"),
        ("text/html", "application/scim+json"),
    ],
)
def test_the_answer_comes_in_the_media_type_asked_for(okta: IdentityProvider, accept: str, expected: str) -> None:
    for path in ("/Users", "/Users/nobody", "/nowhere"):
        assert okta.call("GET", path, headers={"Accept": accept})["Content-Type"] == expected


def test_answers_come_gzipped_to_who_takes_it(okta: IdentityProvider, ana: Member) -> None:
    plain = okta.get("/Users")
    packed = okta.call("GET", "/Users", headers={"Accept-Encoding": "gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert gzip.decompress(packed.content) == plain.content
    assert "Content-Encoding" not in plain


def test_gzipped_bodies_are_read(okta: IdentityProvider) -> None:
    encoding = {"Content-Encoding": "gzip"}
    assert send(okta, "application/json", gzip.compress(BODY), **encoding).status_code == 201
    assert_error(send(okta, "application/json", BODY, **encoding), 400, "invalidSyntax", "not gzipped")
    assert_error(send(okta, "application/json", gzip.compress(BODY)[:-9], **encoding), 400, "invalidSyntax", "end")
    assert_error(send(okta, "application/json", BODY, **{"Content-Encoding": "br"}), 415, "", "br")


def test_a_body_that_unpacks_to_too_much_is_a_413(okta: IdentityProvider, settings: Any) -> None:
    bomb = gzip.compress(b" " * 20_000_000 + BODY)
    assert len(bomb) < settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert_error(send(okta, "application/json", bomb, **{"Content-Encoding": "gzip"}), 413, "", "1048576")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert send(okta, "application/json", gzip.compress(BODY), **{"Content-Encoding": "gzip"}).status_code == 201


@pytest.mark.usefixtures("alike_ids")
@pytest.mark.parametrize("address", ADDRESSES)
def test_head_is_get_without_its_body_and_a_trailing_slash_changes_nothing(
    okta: IdentityProvider, ana: Member, address: str
) -> None:
    got, head, slashed = okta.get(address), okta.call("HEAD", address), okta.get(f"{address}/")

    assert got.status_code == head.status_code == slashed.status_code == 200
    assert (head.content, head.headers) == (b"", got.headers)
    assert head["Content-Length"] == str(len(got.content))
    assert slashed.json() == got.json()


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/Users", "GET, HEAD, POST, OPTIONS"),
        ("/Users/00000000-0000-7000-8000-000000000000", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/Groups", "GET, HEAD, POST, OPTIONS"),
        ("/Roles", "GET, HEAD, POST, OPTIONS"),
        ("/Bulk", "POST, OPTIONS"),
        ("/.search", "POST, OPTIONS"),
        ("/Users/.search", "POST, OPTIONS"),
        ("/ServiceProviderConfig", "GET, HEAD, OPTIONS"),
        ("/Schemas", "GET, HEAD, OPTIONS"),
        ("", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_and_405_name_the_methods_that_are_allowed(okta: IdentityProvider, address: str, allowed: str) -> None:
    options = okta.call("OPTIONS", address)
    assert (options.status_code, options["Allow"]) == (200, allowed)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - set(allowed.split(", ")):
        refused = okta.call(method, address, {})
        assert_error(refused, 405, "", method, allowed)
        assert refused["Allow"] == allowed


def test_urls_are_those_the_outside_knows(okta: IdentityProvider, bob: dict[str, Any], settings: Any) -> None:
    settings.BASE_URL = "https://people.example"
    path = f"/Users/{bob['id']}"

    response = okta.call("GET", path, headers={"Host": "testserver", "X-Forwarded-Host": "evil.test"})

    assert response["Location"] == response.json()["meta"]["location"] == f"https://people.example/scim/v2{path}"
    other = IdentityProvider(okta.headers["Authorization"].removeprefix("Bearer "), "/v1.0/scim/v2").get(path)
    assert other.json()["meta"]["location"] == f"https://people.example/v1.0/scim/v2{path}"


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("parameter", ["filter", "FILTER"])
@pytest.mark.parametrize("address", [address for address in ADDRESSES if address.startswith(("/Se", "/Re", "/Sc"))])
def test_what_the_service_says_of_itself_is_not_filtered(
    okta: IdentityProvider, address: str, parameter: str, with_key: bool
) -> None:
    client = okta if with_key else IdentityProvider("")

    for path in (address, f"{address}/"):
        for text in ('id eq "User"', ""):
            assert_error(client.call("GET", path, None, None, **{parameter: text}), 403, "", "filtered")
        assert client.call("HEAD", path, None, None, **{parameter: "x"}).status_code == 403
        assert client.get(path, sortBy="id").status_code == 200


@pytest.mark.parametrize("address", ["/Users", "/Groups", "/Schemas", ""])
def test_more_parameters_than_anybody_needs_are_a_400(okta: IdentityProvider, address: str) -> None:
    assert_error(okta.get(address, **{f"p{number}": "x" for number in range(1_001)}), 400, "invalidValue", "many")
