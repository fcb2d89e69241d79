"""The door of scripts: every operation of the document that the service gives out, with parameters and bodies."""

from dataclasses import dataclass
from typing import Any

from tests.fuzz.chance import DATES, LARGE_NUMBERS, MOMENTS, NUMBERS, Chance
from tests.fuzz.envelope import encoded, filled, headers_of, identifier, method
from tests.fuzz.request import Request, sendable, with_query
from tests.fuzz.scim import key_header
from tests.fuzz.world import Belongings, World


@dataclass(frozen=True, slots=True)
class Operation:
    """What may be done at an address: the parameters of its query and the fields of its body, with their schemas."""

    method: str
    path: str
    parameters: dict[str, Any]
    fields: dict[str, Any] | None


class Rest:
    """Makes requests from an OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas = document.get("components", {}).get("schemas", {})
        self.operations = [
            self.operation(verb, path, operation)
            for path, item in document["paths"].items()
            for verb, operation in item.items()
            if verb in ("get", "post", "put", "patch", "delete")
        ]

    def operation(self, verb: str, path: str, told: dict[str, Any]) -> Operation:
        """Return what the document tells of an operation."""
        query = {each["name"]: each["schema"] for each in told.get("parameters", []) if each["in"] == "query"}
        bodies = told.get("requestBody", {}).get("content", {})
        schema = next(iter(bodies.values()))["schema"] if bodies else None
        fields = self.resolved(schema).get("properties", {}) if schema else None
        return Operation(verb.upper(), path.replace("{", "<").replace("}", ">"), query, fields)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema that may be referred to."""
        name = schema.get("$ref", "").rpartition("/")[2]
        return self.schemas[name] if name else schema

    def request(self, chance: Chance, world: World) -> Request:
        """Return any request to REST."""
        own = chance.pick(world.all)
        headers = headers_of(chance) + key_header(chance, own, chance.pick(("api_write", "api_write", "api_read")))
        operation = chance.pick(self.operations)
        query = [
            (name, self.text(chance, world, own, name, schema))
            for name, schema in operation.parameters.items()
            if chance.once_in(3)
        ]
        while chance.once_in(6):
            query.append((chance.pick((*operation.parameters, "x", "format", "limit")), chance.text()))
        body = b""
        if operation.fields is not None or chance.once_in(30):
            document: Any = {
                name: self.text(chance, world, own, name, schema)
                for name, schema in (operation.fields or {"x": {}}).items()
                if not chance.once_in(10)
            }
            while chance.once_in(4):
                document = chance.mutated(document)
            body = encoded(chance, chance.json(document), headers, "application/json")
        path = sendable(filled(chance, operation.path, world, own)) + chance.mostly(
            "", ("/", ".json", "%0a"), once_in=25
        )
        target = with_query(path, query)[:60_000]
        return Request("rest", method(chance, operation.method), target, headers, body, sees=own.letter)

    def text(self, chance: Chance, world: World, own: Belongings, name: str, schema: dict[str, Any]) -> str:
        """Return a value for a parameter or a field."""
        if chance.once_in(5):
            return chance.text()
        offered = self.resolved(self.resolved(schema).get("items", schema)).get("enum")
        if offered:
            return str(chance.pick(offered))
        known: dict[str, tuple[str, ...]] = {
            "role": tuple(own.roles),
            "limit": ("1", "50", "200", "0", "-1", *NUMBERS, *LARGE_NUMBERS),
            "since": (*MOMENTS, *DATES, "2026-01-01T00:00:00Z"),
            "until": (*MOMENTS, *DATES, "2030-01-01T00:00:00Z"),
            "cursor": ("", "x", "eyJ9"),
            "user_name": tuple(own.addresses),
            "email": tuple(own.addresses),
            "search": ("Given1", "u1", "a b c d", "%", "_"),
            "status": ("active", "deactivated", "x"),
            "actor": ("tests", own.addresses[1], own.ids["member"][0]),
            "target": (own.addresses[1], own.ids["member"][0]),
            "key": (own.keys["elsewhere"], "torii_scim_abcdefgh_x"),
            "external_id": ("1", "x"),
        }
        if name in known:
            return chance.pick(known[name])
        return identifier(chance, name, world, own) if name.endswith("_id") else chance.word()
