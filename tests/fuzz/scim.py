"""The identity provider's door: resources, filters, PATCH operations and bulk requests, drawn from the schema."""

import json
from typing import Any

from scim.schemas import ENTERPRISE_URN, GROUP_URN, ROLE_URN, USER_URN
from tests.fuzz.chance import MOMENTS, Chance
from tests.fuzz.envelope import encoded, filled, headers_of, method
from tests.fuzz.request import Header, Request, header_value, sendable, with_query
from tests.fuzz.world import Belongings, World
from tests.scim.generators import GROUP_ATTRIBUTES, ROLE_ATTRIBUTES, USER_ATTRIBUTES, Attribute, flattened

BASES = ("/scim/v2", "/v1.0/scim/v2")
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
KINDS = ("Users", "Users", "Users", "Groups", "Roles")
ATTRIBUTES = {
    "Users": list(flattened(USER_ATTRIBUTES)),
    "Groups": list(flattened(GROUP_ATTRIBUTES)),
    "Roles": list(flattened(ROLE_ATTRIBUTES)),
}
TOP = {"Users": USER_ATTRIBUTES, "Groups": GROUP_ATTRIBUTES, "Roles": ROLE_ATTRIBUTES}
URNS = {"Users": USER_URN, "Groups": GROUP_URN, "Roles": ROLE_URN}
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "Sw", "xx", "=")
OTHER_ADDRESSES = (
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/ResourceTypes/x",
    "/Schemas",
    f"/Schemas/{USER_URN}",
    f"/Schemas/{ENTERPRISE_URN}",
    "/Schemas/x",
    "/Me",
    "/",
    "",
    "/Nothing",
    "/Users/.search/x",
)
PROVIDERS = ("Okta SCIM Client 1.0.0", "Microsoft-Azure-AD-SCIM/1.0", "")


def request(chance: Chance, world: World) -> Request:
    """Return any request to SCIM."""
    # In the third one, pages may turn SCIM off.
    own = world.organizations[chance.pick("aaaabbbbc")]
    headers = headers_of(chance) + key_header(chance, own)
    if chance.once_in(4):
        headers.append(("User-Agent", chance.pick(PROVIDERS)))
    make = chance.pick((read, read, listing, listing, search, create, replace, patch, patch, delete, bulk, other))
    verb, path, query, document = make(chance, world, own)
    if chance.once_in(10):
        query = [*query, (chance.pick(("attributes", "count", "filter", "x", "cursor")), chance.text())]
    body = b""
    if document is not None:
        body = encoded(chance, chance.json(document), headers, "application/scim+json")
    target = with_query(sendable(chance.pick(BASES) + path) + chance.mostly("", ("/", "//", "/x", "%00")), query)
    return Request("scim", method(chance, verb), target[:60_000], headers, body, sees=own.letter)


def key_header(chance: Chance, own: Belongings, likely: str = "scim") -> list[Header]:
    """Return the header with a key: mostly one that opens the door."""
    if not chance.once_in(15):
        return [("Authorization", f"Bearer {own.keys[likely]}")]
    text = own.keys[chance.pick(tuple(own.keys))]
    return [
        ("Authorization", header_value(value))
        for value in chance.pick(
            (
                (),
                (f"Bearer {text}",),
                (f"bearer  {text}",),
                (f"Basic {text}",),
                (f"Bearer {text}x",),
                (f"Bearer {text[:-1]}",),
                (text,),
                ("Bearer",),
                (f"Bearer {text}", f"Bearer {text}"),
                (f"Bearer {chance.short_text()}",),
                (f"Bearer torii_scim_{'é' * 8}_x",),
            )
        )
    ]


Made = tuple[str, str, list[tuple[str, str]], Any]


def read(chance: Chance, world: World, own: Belongings) -> Made:
    """Read one resource."""
    return "GET", path_to_one(chance, world, own, chance.pick(KINDS)), projection(chance), None


def listing(chance: Chance, world: World, own: Belongings) -> Made:
    """Ask for a list."""
    kind = chance.pick(KINDS)
    return "GET", f"/{kind}", list(asked(chance, own, kind).items()), None


def search(chance: Chance, world: World, own: Belongings) -> Made:
    """Ask for a list with POST."""
    kind = chance.pick(KINDS)
    document: dict[str, Any] = {"schemas": [SEARCH]} | asked(chance, own, kind)
    for name in ("attributes", "excludedAttributes"):
        if name in document:
            document[name] = document[name].split(",")
    for name in ("startIndex", "count"):
        if name in document and document[name].isdecimal() and len(document[name]) < 4_000 and chance.once_in(2):
            document[name] = int(document[name])
    where = chance.pick((f"/{kind}/.search", f"/{kind}/.search", "/.search"))
    return "POST", where, [], odd(chance, document)


def create(chance: Chance, world: World, own: Belongings) -> Made:
    """Create a resource."""
    kind = chance.pick(KINDS)
    return "POST", f"/{kind}", projection(chance), odd(chance, resource(chance, own, kind))


def replace(chance: Chance, world: World, own: Belongings) -> Made:
    """Replace a resource."""
    kind = chance.pick(KINDS)
    path = path_to_one(chance, world, own, kind)
    return "PUT", path, projection(chance), odd(chance, resource(chance, own, kind))


def patch(chance: Chance, world: World, own: Belongings) -> Made:
    """Change a resource."""
    kind = chance.pick(KINDS)
    path = path_to_one(chance, world, own, kind)
    return "PATCH", path, projection(chance), odd(chance, operations(chance, own, kind))


def delete(chance: Chance, world: World, own: Belongings) -> Made:
    """Delete a resource; not often one that there is, so that there are some left."""
    kind = chance.pick(KINDS)
    ids = own.ids[kind.lower()[:-1].replace("user", "member")]
    chosen = ids[-1 - chance.randrange(len(ids) // 4 + 1)] if chance.once_in(3) else chance.short_text()[:60]
    return "DELETE", f"/{kind}/{chosen}", [], None


def bulk(chance: Chance, world: World, own: Belongings) -> Made:
    """Do several things in one request."""
    makers = (create, replace, patch, patch, delete, read)
    document: dict[str, Any] = {"schemas": [BULK], "Operations": []}
    for number in range(chance.pick((0, 1, 2, 3, 8, 30))):
        verb, path, _, data = chance.pick(makers)(chance, world, own)
        operation = {"method": verb, "path": path, "data": data}
        if verb == "POST" or chance.once_in(6):
            operation["bulkId"] = chance.mostly(f"b{number}", ("b0", "", chance.short_text()))
        if chance.once_in(8):
            operation["path"] = chance.pick(
                ("/Users/bulkId:b0", "/Bulk", "/", "Users", "/Me", "//", chance.short_text())
            )
        if chance.once_in(8) and isinstance(data, dict):
            data["members"] = [{"value": "bulkId:b0"}, {"value": f"bulkId:b{number}"}, {"value": "bulkId:"}]
        if chance.once_in(10):
            operation["version"] = chance.text()
        document["Operations"].append(operation)
    if chance.once_in(3):
        document["failOnErrors"] = chance.pick((0, 1, 2, -1, "1", True, 10**30, None))
    return "POST", "/Bulk", [], odd(chance, document)


def other(chance: Chance, world: World, own: Belongings) -> Made:
    """Call what is no resource."""
    return "GET", chance.pick(OTHER_ADDRESSES), list(asked(chance, own, "Users").items())[:2], None


def odd(chance: Chance, document: dict[str, Any]) -> Any:
    """Return the document, or now and then one with something odd in it."""
    while chance.once_in(3):
        document = chance.mutated(document)
    return document


# What requests are made of --------------------------------------------------------------------------------------------


def path_to_one(chance: Chance, world: World, own: Belongings, kind: str) -> str:
    """Return the path to a resource."""
    name = {"Users": "member_id", "Groups": "group_id", "Roles": "role_id"}[kind]
    return filled(chance, f"/{kind}/<{name}>", world, own)


def projection(chance: Chance) -> list[tuple[str, str]]:
    """Return what of a resource is asked for; mostly all."""
    return list(asked_attributes(chance, "Users").items()) if chance.once_in(5) else []


def asked_attributes(chance: Chance, kind: str) -> dict[str, str]:
    """Return `attributes` or `excludedAttributes`."""
    names = ",".join(name_of(chance, kind) for _ in range(chance.pick((0, 1, 2, 5, 120))))
    return {chance.pick(("attributes", "excludedAttributes")): names}


def asked(chance: Chance, own: Belongings, kind: str) -> dict[str, str]:
    """Return what a list may be asked for."""
    query: dict[str, str] = {}
    if chance.once_in(2):
        query["filter"] = filter_of(chance, own, kind)
    if chance.once_in(4):
        query |= asked_attributes(chance, kind)
    if chance.once_in(4):
        query["sortBy"] = name_of(chance, kind)
        query["sortOrder"] = chance.pick(("ascending", "descending", "DESCENDING", "x", ""))
    for name in ("startIndex", "count"):
        if chance.once_in(3):
            query[name] = str(
                chance.mostly(str(chance.randrange(90)), (chance.text(), "-5", "0", "99999999", "9" * 30))
            )
    if chance.once_in(8):
        query["cursor"] = chance.mostly("", (chance.text(), "eyJ9", "a:b:c"), once_in=2)
    return query


def name_of(chance: Chance, kind: str) -> str:
    """Return an attribute's name, or what is almost one."""
    attribute = chance.pick(ATTRIBUTES[kind])
    name = attribute.path
    draw = chance.random()
    if draw < 0.75:
        return name
    if draw < 0.8:
        return f"{URNS[kind]}:{name}"
    if draw < 0.9:
        return chance.respelled(name)
    return chance.pick((f"{name}.value", f"{name}.$ref", f"{name}[0]", "", "urn:", "a.b.c", chance.text()))


def filter_of(chance: Chance, own: Belongings, kind: str, depth: int = 3) -> str:
    """Return a filter, which mostly follows the grammar (RFC 7644 §3.4.2.2)."""
    draw = chance.random()
    if depth and draw < 0.2:
        parts = [filter_of(chance, own, kind, depth - 1) for _ in range(chance.pick((2, 2, 2, 3, 5)))]
        return chance.pick((" and ", " or ", " AND ", " or  ")).join(parts)
    if depth and draw < 0.3:
        return f"{chance.pick(('not ', 'not', 'NOT  ', ''))}({filter_of(chance, own, kind, depth - 1)})"
    if depth and draw < 0.4:
        many = [each for each in TOP[kind] if each.many] or list(TOP[kind])
        attribute = chance.pick(many)
        inner = comparison(chance, own, chance.pick(attribute.parts) if attribute.parts else attribute, last=True)
        more = chance.pick(("", "", ".value", '.value eq "x"', "]", ".type pr"))
        return f"{attribute.path}[{inner}]{more}"
    if draw < 0.43:
        return chance.text()[:3_000]
    if draw < 0.44:
        return chance.pick(
            (
                "(" * 300,
                "not (" * 90 + "id pr" + ")" * 90,
                " or ".join(["id pr"] * 101),
                'title co "' + "%" * 2_000 + '"',
            )
        )
    text = comparison(chance, own, chance.pick(ATTRIBUTES[kind]))
    return text if not chance.once_in(15) else text[: chance.randrange(len(text) + 1)]


def comparison(chance: Chance, own: Belongings, attribute: Attribute, *, last: bool = False) -> str:
    """Return a comparison of an attribute, whose last name alone stands within brackets."""
    name = attribute.name if last else attribute.path
    if chance.once_in(8):
        return f"{name} pr"
    return f"{name} {chance.pick(OPERATORS)} {literal(chance, own, attribute)}"


def literal(chance: Chance, own: Belongings, attribute: Attribute) -> str:
    """Return what an attribute is compared with."""
    draw = chance.random()
    if draw < 0.5:
        return json.dumps(text_of(chance, own, attribute), ensure_ascii=chance.once_in(2))
    if draw < 0.75:
        return json.dumps(chance.text(), ensure_ascii=chance.once_in(2))
    return chance.pick(
        ("null", "true", "False", "0", "-1", "1e400", "9" * 500, '"', '"\\', "'x'", "", "x", '"\\u0000"')
    )


def text_of(chance: Chance, own: Belongings, attribute: Attribute) -> Any:
    """Return a value that an attribute may well have."""
    name = attribute.name.lower()
    if "username" in name or (name == "value" and "mail" in attribute.path):
        return chance.pick(own.addresses)
    if name in ("id", "value"):
        return chance.pick(own.ids["member"])
    if name == "usertype":
        return chance.pick(own.roles)
    if name in ("created", "lastmodified"):
        return chance.mostly("2026-01-01T00:00:00Z", MOMENTS, once_in=2)
    if name in ("active", "primary"):
        return chance.pick((True, False, "true", "False"))
    return chance.word()


def value_of(chance: Chance, own: Belongings, attribute: Attribute, depth: int = 2) -> Any:
    """Return a value of the shape that an attribute has."""
    if attribute.many:
        return [one_of(chance, own, attribute, depth) for _ in range(chance.pick((0, 1, 1, 2, 3)))]
    return one_of(chance, own, attribute, depth)


def one_of(chance: Chance, own: Belongings, attribute: Attribute, depth: int) -> Any:
    if chance.once_in(20):
        return chance.value()
    if attribute.parts and depth:
        parts = [part for part in attribute.parts if chance.once_in(2)]
        return {part.name: value_of(chance, own, part, depth - 1) for part in parts}
    return chance.text() if chance.once_in(8) else text_of(chance, own, attribute)


def resource(chance: Chance, own: Belongings, kind: str) -> dict[str, Any]:
    """Return a user, group or role as it might be sent."""
    document: dict[str, Any] = {"schemas": [URNS[kind]]}
    for attribute in TOP[kind]:
        if chance.once_in(3) and attribute.name not in ("schemas", "meta", "groups"):
            document[attribute.path] = value_of(chance, own, attribute)
    if kind == "Users":
        made = f"n{chance.getrandbits(24)}@{own.domain}"
        document["userName"] = chance.mostly(
            made, (*own.addresses[:9], chance.text(), "x@elsewhere.example"), once_in=4
        )
        if "userType" in document:
            document["userType"] = chance.pick(own.roles)
    else:
        document["displayName"] = chance.mostly(f"{own.roles[-1]} {chance.getrandbits(20)}", (chance.text(), "Admin"))
    if kind == "Groups":
        document["members"] = [{"value": each} for each in chance.sample(own.ids["member"], chance.randrange(6))]
    return document


def operations(chance: Chance, own: Belongings, kind: str) -> dict[str, Any]:
    """Return the body of a PATCH."""
    made = [operation(chance, own, kind) for _ in range(chance.pick((1, 1, 1, 2, 3, 0)))]
    if chance.once_in(60):
        made = made * 101
    return {"schemas": [PATCH], "Operations": made}


def operation(chance: Chance, own: Belongings, kind: str) -> dict[str, Any]:
    attribute = chance.pick(TOP[kind])
    made: dict[str, Any] = {"op": chance.pick(("add", "replace", "remove", "Add", "Replace", "x"))}
    draw = chance.random()
    if draw < 0.2:
        made["value"] = {attribute.path: value_of(chance, own, attribute), "displayName": chance.word()}
        return made
    made["path"], made["value"] = attribute.path, value_of(chance, own, attribute)
    if attribute.parts:
        part = chance.pick(attribute.parts)
        if draw < 0.4:
            made["path"], made["value"] = part.path, value_of(chance, own, part)
        elif draw < 0.65 and attribute.many:
            chosen = chance.pick(attribute.parts)
            made["path"] = f"{attribute.path}[{comparison(chance, own, chosen, last=True)}]"
            if chance.once_in(2):
                made["path"] += f".{part.name}"
                made["value"] = value_of(chance, own, part)
    if kind == "Groups" and chance.once_in(2):
        member = chance.pick(own.ids["member"])
        made["path"] = chance.pick(("members", f'members[value eq "{member}"]'))
        made["value"] = [{"value": member}]
    if chance.once_in(12):
        made["path"] = chance.pick((chance.text(), filter_of(chance, own, kind), "members[", "emails[type eq", "a.b.c"))
    if made["op"] == "remove" and chance.once_in(2):
        del made["value"]
    if chance.once_in(5):
        made["path"] = "active"
        made["value"] = chance.pick((True, False, "True", "false", 0, 1, None, "x"))
    return made
