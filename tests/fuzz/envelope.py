"""What surrounds a request at any door: headers, methods, types, encodings, and addresses that are almost right."""

import gzip
from urllib.parse import quote

from tests.fuzz.chance import Chance
from tests.fuzz.request import Header, escaped, header_value
from tests.fuzz.world import NAMES, Belongings, World, unknown_ids

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "QUERY")
MEDIA_TYPES = (
    "",
    "application/json",
    "application/scim+json",
    "application/scim+json; charset=utf-8",
    "application/json; charset=utf-16",
    "application/json; charset=no-such-charset",
    "APPLICATION/JSON",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-7",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "b" * 300,
    "text/plain",
    "application/xml",
    "application/octet-stream",
    "*/*",
    "json",
    ";",
)
ODD_HEADERS: dict[str, tuple[str, ...]] = {
    "Accept": ("*/*", "text/html", "application/json", "application/scim+json;q=0", "a/b;q=x", ",,,", "*"),
    "Accept-Encoding": ("gzip", "br", "gzip;q=0", "identity;q=0, *;q=0", "x" * 500),
    "Accept-Language": ("de", "x-klingon", "en;q=2", "-" * 200),
    "Content-Encoding": ("gzip", "deflate", "identity", "br", "gzip, gzip"),
    "Content-Length-Odd": ("1",),
    "Cookie": ("a=b", "sessionid=", "csrftoken=\xe9", ";;;", "=", 'a="\\377"', "messages=[[]]", "x" * 4_000),
    "Forwarded": ("for=1.2.3.4;host=evil.example", ";"),
    "From": ("a@b",),
    "Host": ("evil.example", "127.0.0.1", "127.0.0.1:99999", "[::1]", "[", "", "a b", "127.0.0.1@evil.example"),
    "HX-Current-URL": ("http://[", "javascript:1", "%"),
    "HX-Request": ("true", "false"),
    "HX-Target": ("panel", "scim-off", "<b>"),
    "If-Match": ("*", '"x"', 'W/"0"', "x", 'W/"', ",", '"' + "a" * 2_000 + '"'),
    "If-Modified-Since": ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "x", "0"),
    "If-None-Match": ("*", '"x"', 'W/"0"', "x", ","),
    "If-Unmodified-Since": ("Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 32 Foo 99999 25:61:61 GMT"),
    "Origin": ("null", "http://evil.example", "http://[", ""),
    "Prefer": ("return=minimal", "respond-async", "="),
    "Range": ("bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=0-0,1-1,2-2", "bytes=99999999999999999999-", "x"),
    "Referer": ("http://127.0.0.1/", "http://[", "x", "http://evil.example/settings/"),
    "User-Agent": ("", "Okta SCIM Client 1.0.0", "\xe9\xff", "a" * 2_000, "<script>", "%s{0}"),
    "X-Forwarded-Proto": ("http", "ftp", ""),
    "X-Forwarded-Host": ("evil.example",),
    "X-HTTP-Method-Override": ("DELETE", "X"),
    "X-Request-Id": ("a", "a" * 500, "<b>", "a b", "é", ""),
    "X-Requested-With": ("XMLHttpRequest",),
}


def headers_of(chance: Chance) -> list[Header]:
    """Return what every request has, an address that it comes from, and now and then odd headers."""
    found = [("X-Forwarded-For", address(chance))]
    while chance.once_in(4):
        name = chance.pick(tuple(ODD_HEADERS))
        value = chance.pick(ODD_HEADERS[name]) if not chance.once_in(6) else header_value(chance.short_text())
        found.append((name, value))
    return found


def address(chance: Chance) -> str:
    """Return an address to come from, another one almost each time, as limits go by it."""
    if chance.once_in(50):
        return header_value(chance.pick(("", "x", "1.2.3.4, 5.6.7.8", "::1", "[::1]:80", "1.2.3.4:80", "fe80::1%eth0")))
    if chance.once_in(5):
        return f"2001:db8:{chance.getrandbits(16):x}:{chance.getrandbits(16):x}::1"
    return f"{chance.randrange(11, 99)}.{chance.getrandbits(8)}.{chance.getrandbits(8)}.{chance.getrandbits(8)}"


def method(chance: Chance, likely: str) -> str:
    """Return the method that belongs there, or now and then another one."""
    return chance.mostly(likely, METHODS, once_in=15)


def encoded(chance: Chance, body: bytes, headers: list[Header], media_type: str) -> bytes:
    """Return the body as it is sent, and add what says how."""
    headers.append(("Content-Type", header_value(chance.mostly(media_type, MEDIA_TYPES, once_in=15))))
    if chance.once_in(25):
        headers.append(("Transfer-Encoding", "chunked"))
    if chance.once_in(30):
        headers.append(("Content-Encoding", "gzip"))
        body = gzip.compress(body, 1)
        if chance.once_in(4):
            body = chance.pick((body[:-5], body + body, body + b"x", gzip.compress(b"a" * 3_000_000, 1), b"\x1f\x8b"))
    return body


def filled(chance: Chance, route: str, world: World, own: Belongings) -> str:
    """Return an address of a route: with ids of the caller's organization, of another one, of nothing, or odd ones."""
    parts = []
    for part in route.split("/"):
        name = part[1:-1] if part.startswith("<") and part.endswith(">") else ""
        parts.append(identifier(chance, name, world, own) if name else part)
    return "/".join(parts)


def identifier(chance: Chance, name: str, world: World, own: Belongings) -> str:
    """Return what to put where an address has the parameter `name`."""
    kind = NAMES.get(name, name)
    draw = chance.random()
    if kind in own.ids and draw < 0.94:
        if draw < 0.75:
            return chance.pick(own.ids[kind])
        other = chance.pick(world.all).ids if draw < 0.85 else unknown_ids()
        return chance.pick(other[kind])
    if kind in ("organization", "organization_id", "public_id") and draw < 0.94:
        return own.organization_id if draw < 0.8 else chance.pick(world.all).organization_id
    if draw < 0.97:
        return escaped(chance.short_text())[:2_000] or "x"
    return quote(chance.pick(("..", ".", "a/b", "a//b", " ")), safe="./")
