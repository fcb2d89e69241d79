"""`/docs/api`: the OpenAPI document as a page for people, in the look of the settings, without a script of its own.

Anybody may read it. What it shows is made from the document once a process, so that neither can say what the other
doesn't.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from api.kinds import KINDS, Kind
from api.openapi import introduction
from api.views.schema import document
from lib.addresses import absolute

MARKDOWN = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable("smartquotes")
FORMATS = {"date-time": "time", "uuid": "UUID", "uri": "URL", "date": "date"}

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body or an answer: `type` and `text` are HTML."""

    name: str
    type: str
    text: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as the page shows it. `problems` are the codes that it may answer with, by status."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    keyed: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    call: str
    example: str
    problems: tuple[tuple[str, tuple[Kind, ...]], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The operations on one subject, and the fields of what they answer with."""

    id: str
    title: str
    text: str
    operations: tuple[Operation, ...]
    answers: tuple[tuple[str, tuple[Field, ...]], ...]


@require_safe
def docs_page(request: HttpRequest) -> HttpResponse:
    """Show what the API can do."""
    context = {
        "introduction": MARKDOWN.render(introduction()),
        "sections": sections(),
        "kinds": [(kind, inline(kind.remedy)) for kind in KINDS.values()],
        "base_url": settings.BASE_URL,
    }
    return render(request, "api/docs.html", context)


@cache
def sections() -> tuple[Section, ...]:
    """Return the document's operations by tag, in its order."""
    made = document()
    found = [
        (method, path, described) for path, methods in made["paths"].items() for method, described in methods.items()
    ]
    return tuple(
        Section(
            id=re.sub(r"\W+", "-", tag["name"].lower()),
            title=tag["name"],
            text=inline(tag["description"]),
            operations=tuple(operation(*each) for each in found if tag["name"] in each[2]["tags"]),
            answers=tuple(answers([each[2] for each in found if tag["name"] in each[2]["tags"]])),
        )
        for tag in made["tags"]
    )


def operation(method: str, path: str, described: Schema) -> Operation:
    """Return an operation of the document as the page shows it."""
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described["summary"],
        text=MARKDOWN.render(described["description"]),
        keyed={} not in described["security"],
        parameters=tuple(
            Field(each["name"], type_of(each["schema"]), inline(each["description"]), each.get("required", False))
            for each in described.get("parameters", [])
        ),
        body=tuple(fields_of(resolved(body["schema"]))) if body else (),
        call=call_of(method.upper(), path, example_of(body), keyed={} not in described["security"]),
        example=pretty(example_of(described["responses"]["200"]["content"]["application/json"])),
        problems=tuple(
            (status, tuple(KINDS[each["value"]["code"]] for each in answer["examples"].values()))
            for status, response in described["responses"].items()
            if (answer := response["content"].get("application/problem+json"))
        ),
    )


def answers(described: list[Schema]) -> Iterator[tuple[str, tuple[Field, ...]]]:
    """Yield the name and the fields of each thing that operations answer with; of a page, of what is on it."""
    seen = []
    for each in described:
        schema = resolved(each["responses"]["200"]["content"]["application/json"]["schema"])
        items = schema.get("properties", {}).get("results", {}).get("items")
        name = (items or each["responses"]["200"]["content"]["application/json"]["schema"]).get("$ref", "")
        if name and name not in seen:
            seen.append(name)
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition("/")[2])
            yield words, tuple(fields_of(resolved(items or schema)))


def fields_of(schema: Schema, prefix: str = "") -> Iterator[Field]:
    """Yield the fields of an object, and those of the objects in it under dotted names."""
    for name, each in schema["properties"].items():
        inner = resolved(each)
        required = name in schema.get("required", [])
        if "properties" in inner and "description" not in each:
            yield from fields_of(inner, f"{prefix}{name}.")
        else:
            yield Field(f"{prefix}{name}", type_of(each), inline(each.get("description", "")), required)
            if "properties" in inner:
                yield from fields_of(inner, f"{prefix}{name}.")


def resolved(schema: Schema) -> Schema:
    """Return the schema that a reference leads to; of one that may be null, the other."""
    schema = schema.get("oneOf", [schema])[0]
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Schema = document()["components"]["schemas"][name] if name else schema
    return found


def type_of(schema: Schema) -> str:
    """Return in HTML what a value is: its type, and its limits."""
    if "oneOf" in schema or "$ref" in schema:
        return "object, or null" if "oneOf" in schema else "object"
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind, *others = [str(FORMATS.get(schema.get("format", ""), name)) if name != "null" else name for name in names]
    if "enum" in schema:
        kind = ", ".join(f"<code>{each}</code>" for each in schema["enum"])
    elif kind == "array":
        kind = f"list of {type_of(schema['items'])}"
    if "maximum" in schema:
        kind += f", {schema['minimum']} to {schema['maximum']}"
    if "maxLength" in schema:
        kind += f", up to {schema['maxLength']} characters"
    if "default" in schema:
        kind += f", {schema['default']} unless given"
    return ", or ".join([kind, *others])


def call_of(method: str, path: str, body: Any, *, keyed: bool) -> str:
    """Return the operation as a command for a shell, in which ids are variables."""
    address = re.sub(r"\{(\w+)\}", lambda match: f"${match[1].upper()}", path)
    lines = [f'curl "{absolute(address)}"']
    if method != "GET":
        lines[0] = f"{lines[0]} -X {method}"
    if keyed:
        lines.append('-H "Authorization: Bearer $API_KEY"')
    if body:
        lines += ['-H "Content-Type: application/json"', f"-d '{orjson.dumps(body).decode()}'"]
    return " \\\n  ".join(lines)


def example_of(content: Schema) -> Any:
    """Return the first example of a body or an answer, or None."""
    return next((each["value"] for each in content.get("examples", {}).values()), None)


def pretty(example: Any) -> str:
    """Return an example as JSON, indented; nothing for none."""
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode() if example else ""


def inline(text: str) -> str:
    """Return a sentence of Markdown as HTML."""
    return str(MARKDOWN.renderInline(text))
