"""Query parameters: a serializer says which there are, and whatever it doesn't know is refused, not ignored.

A filter with a typo in its name would otherwise list everybody, and a script would believe it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from api.fields import Text, WholeNumber
from api.problems import Problem

PAGE_SIZE = 100
PAGE_SIZE_MAX = 200
CURSOR_LENGTH = 2000


class Parameters(serializers.Serializer[Any]):
    """The query parameters of an endpoint; this one has none."""


class PageParameters(Parameters):
    """What every list takes."""

    cursor = Text(
        required=False,
        max_length=CURSOR_LENGTH,
        help_text="Where the page begins: taken from `next` or `previous`, never made up.",
    )
    limit = WholeNumber(
        default=PAGE_SIZE, min_value=1, max_value=PAGE_SIZE_MAX, help_text="How many results a page has at most."
    )


def read_parameters(query: QueryDict, known: type[Parameters]) -> dict[str, Any]:
    """Return the parameters in `query` as `known` reads them. Raises a Problem."""
    serializer = known()
    names = sorted(serializer.fields)
    if unknown := sorted(query.keys() - set(names)):
        raise Problem(
            "unknown_parameter",
            f"There is no parameter {quoted(unknown)} here. "
            + (f"Valid: {', '.join(names)}." if names else "This address takes none."),
            {name: ["There is no such parameter."] for name in map(printable, unknown)},
        )
    repeatable = {name for name, field in serializer.fields.items() if isinstance(field, serializers.ListField)}
    if twice := [name for name in query if name not in repeatable and len(query.getlist(name)) > 1]:
        errors = {name: ["Give it once."] for name in twice}
        raise Problem("invalid_parameter", f"Given more than once: {', '.join(twice)}.", errors)
    data = {name: query.getlist(name) if name in repeatable else query[name] for name in query}
    return validated(known(data=data), "invalid_parameter")


def read_body(document: Any, known: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return the body `document` as `known` reads it. Raises a Problem."""
    names = known().fields.keys()
    if document.keys() - names:
        # What nobody knows isn't repeated: a key could have been put in the wrong place.
        detail = f"There is a field that doesn't belong here. Valid: {', '.join(sorted(names))}."
        raise Problem("invalid_body", detail)
    return validated(known(data=document), "invalid_body")


def validated(serializer: serializers.Serializer[Any], code: str) -> dict[str, Any]:
    """Return what `serializer` found valid. Raises a Problem with `code`."""
    if serializer.is_valid():
        return dict(serializer.validated_data)
    errors = {name: messages(found) for name, found in serializer.errors.items()}
    detail = " ".join(f"{name}: {found[0]}" for name, found in errors.items())
    raise Problem(code, detail, errors)


def messages(found: Any) -> list[str]:
    """Return every message in what REST framework nests: lists, and objects for the items of a list."""
    if isinstance(found, Mapping):
        return [text for each in found.values() for text in messages(each)]
    return [str(text) for text in found]


def quoted(names: Iterable[str]) -> str:
    """Return unknown names fit for an error: the first few, and of each the start."""
    return ", ".join(f'"{printable(name)}"' for name in list(names)[:5])


def printable(name: str) -> str:
    """Return the start of a name that a client chose."""
    return name[:60].encode(errors="replace").decode()
