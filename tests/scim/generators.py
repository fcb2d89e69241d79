"""Hypothesis strategies for what an identity provider may send: resources, filters and PATCH operations.

They are drawn from the schema, which is to say from the models of `scim.schemas`, so that an attribute added there is
tried out too. What they make is well-formed; what is not is in test_bad_input.py. What names somebody or something has
no characters that a name may not have, since those are refused (tests/security/test_names.py); other texts do.
"""

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from inspect import isclass
from typing import Any, get_args
from unicodedata import normalize

from hypothesis import strategies as st
from pydantic import BaseModel
from scim2_models import ComplexAttribute, Extension, Mutability, Reference, Resource

from lib.plain_text import UNFIT
from scim.schemas import ENTERPRISE_URN, GROUP_URN, ROLE_URN, USER_URN, FullUser, Group, Role

Document = dict[str, Any]
Strategy = st.SearchStrategy[Any]

# The schema ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute or sub-attribute: `path` is its full name in filters, `parts` are its sub-attributes."""

    path: str
    kind: Any
    many: bool = False
    read_only: bool = False
    parts: tuple["Attribute", ...] = ()

    @property
    def name(self) -> str:
        """The name without that of the attribute it is part of."""
        return self.path.rpartition(":")[2].rpartition(".")[2]

    @property
    def is_extension(self) -> bool:
        """Whether this is a whole extension."""
        return isclass(self.kind) and issubclass(self.kind, Extension)

    def part(self, name: str) -> "Attribute | None":
        """Return the sub-attribute called `name`."""
        return next((part for part in self.parts if part.name == name), None)


def attributes_of(model: type[BaseModel], prefix: str = "") -> tuple[Attribute, ...]:
    """Return the attributes that `model` declares."""
    return tuple(attribute_of(model, name, prefix) for name in model.model_fields)


def attribute_of(model: Any, field_name: str, prefix: str) -> Attribute:
    """Return what `model` declares under the Python name `field_name`."""
    kind = model.get_field_root_type(field_name)
    path = prefix + (model.model_fields[field_name].serialization_alias or field_name)
    parts: tuple[Attribute, ...] = ()
    if isclass(kind) and issubclass(kind, Extension):
        own = [name for name in kind.model_fields if name not in Resource.model_fields]
        parts = tuple(attribute_of(kind, name, f"{path}:") for name in own)
    elif isclass(kind) and issubclass(kind, ComplexAttribute):
        parts = attributes_of(kind, f"{path}.")
    return Attribute(
        path=path,
        kind=get_args(kind)[0] if hasattr(kind, "__metadata__") else kind,
        many=model.get_field_multiplicity(field_name),
        read_only=model.get_field_annotation(field_name, Mutability) == Mutability.read_only,
        parts=parts,
    )


USER_ATTRIBUTES = attributes_of(FullUser)
GROUP_ATTRIBUTES = attributes_of(Group)
ROLE_ATTRIBUTES = attributes_of(Role)


def flattened(attributes: tuple[Attribute, ...]) -> Iterator[Attribute]:
    """Yield the attributes and their parts, without the extensions themselves, which no filter names."""
    for attribute in attributes:
        if not attribute.is_extension:
            yield attribute
        yield from flattened(attribute.parts)


# Plain values -------------------------------------------------------------------------------------------------------

# Left out are the two letters that PostgreSQL may lower differently from Python, İ and Σ, and what composes to them:
# test_filters.py tells what becomes of those.
PECULIAR = "İΣ\u0307\u0345"
LETTERS = "aAbBkKzZ059 _%.,;'\"\\/@+-()[]{}:éÉöÖßẞñ\u0301\u0308яЯ中😀ﬁ²ǅ\t\n\u00a0\u200b"
WORDS = (
    "",
    "work",
    "Work",
    "HOME",
    "other",
    "Ana",
    "ana",
    "Öztürk",
    "O\u0308ztu\u0308rk",
    "null",
    "true",
    "100%",
    "a_b",
)

texts: Strategy = st.one_of(
    st.sampled_from(WORDS),
    st.text(LETTERS, max_size=6),
    st.text(st.characters(codec="utf-8", exclude_characters="\0" + PECULIAR), max_size=4),
).filter(lambda text: not set(normalize("NFC", text.upper() + text)) & set(PECULIAR))

proper_names: Strategy = texts.map(partial(UNFIT.sub, ""))

# An index looks up what is wholly composed or wholly decomposed.
indexed_names: Strategy = st.builds(normalize, st.sampled_from(["NFC", "NFD"]), proper_names)

urls: Strategy = st.builds("https://example.com/{}".format, st.text("aA0-~", max_size=4)) | st.sampled_from(
    ["/relative/é", "urn:example:x", "https://EXAMPLE.com/%20?q=1#f"]
)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
moments: Strategy = st.datetimes(timezones=zones).map(dt.datetime.isoformat)

# As `test_oracle.member_name` makes them: every address is at an approved domain.
local_parts: Strategy = st.text("abcABC123", min_size=1, max_size=4)

ROLE_NAMES = ("Employee", "IT Admin", "read only", "PROCUREMENT", "Admin")
INDEXED = ("externalId", "displayName")
NAMES = ("title", "nickName", "description")


def plain_values(attribute: Attribute) -> Strategy:
    """Return the values of an attribute that is not complex."""
    kind = attribute.kind
    if attribute.path == "userType":
        return st.sampled_from(ROLE_NAMES)
    if attribute.path in INDEXED:
        return indexed_names
    if attribute.path in NAMES or attribute.path.startswith("name."):
        return proper_names
    if kind is bool:
        return st.booleans()
    if kind is dt.datetime:
        return moments
    if kind is bytes:
        return st.binary(max_size=4).map(lambda value: base64.b64encode(value).decode())
    if issubclass(kind, Reference):
        return urls if "external" in kind.__reference_types__ else urls | texts
    if issubclass(kind, StrEnum):
        return st.sampled_from([member.value for member in kind]) | texts
    return texts


def values_of(attribute: Attribute) -> Strategy:
    """Return the values of an attribute, as JSON has them."""
    one = plain_values(attribute)
    if attribute.parts:
        one = st.fixed_dictionaries({}, optional={part.name: values_of(part) for part in attribute.parts})
    return st.lists(one, max_size=3).map(with_one_primary) if attribute.many else one


def with_one_primary(entries: list[Any]) -> list[Any]:
    """Return `entries` with all but the first that is primary not so (RFC 7643 §2.4)."""
    seen = False
    for entry in entries:
        if isinstance(entry, dict) and entry.get("primary") is True:
            entry["primary"] = not seen
            seen = True
    return entries


def any_case(text: str) -> Strategy:
    """Return `text` in the cases that mean the same."""
    return st.sampled_from([text, text.upper(), text.lower(), text.swapcase()])


# Resources ----------------------------------------------------------------------------------------------------------


def users() -> Strategy:
    """Return users as they are sent, without a userName: read-only attributes and a password among the rest."""
    optional = {
        attribute.path: values_of(attribute)
        for attribute in USER_ATTRIBUTES
        if attribute.path not in ("schemas", "userName")
    }
    return st.fixed_dictionaries({}, optional=optional).map(with_schemas)


def with_schemas(user: Document) -> Document:
    """Return `user` with the schemas of what it holds."""
    return {"schemas": [USER_URN, *([ENTERPRISE_URN] if ENTERPRISE_URN in user else [])]} | user


@st.composite
def respelled(draw: Callable[..., Any], value: Any) -> Any:
    """Return `value` with the names in it in any case, which means the same (RFC 7643 §2.1)."""
    if isinstance(value, list):
        return [draw(respelled(item)) for item in value]
    if isinstance(value, dict):
        return {draw(any_case(name)): draw(respelled(item)) for name, item in value.items()}
    return value


# Filters ------------------------------------------------------------------------------------------------------------

OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")

# A digest that no database knows.
REFUSED = ("meta.version",)


def spelled(attribute: Attribute, urn: str) -> Strategy:
    """Return the ways to name an attribute of the schema `urn`."""
    names = any_case(attribute.path)
    if attribute.path.startswith("urn:"):
        return names
    return names | any_case(f"{urn}:{attribute.path}")


def literal(value: Any, *, ascii_only: bool) -> str:
    """Return `value` as a filter has it."""
    return json.dumps(value, ensure_ascii=ascii_only)


def values_at(documents: list[Document], attribute: Attribute) -> list[Any]:
    """Return what `documents` hold under the path of an attribute."""
    extension, _, path = attribute.path.rpartition(":")
    found: list[Any] = documents
    for name in ([extension] if extension else []) + path.split("."):
        inside = [item.get(name) for item in found if isinstance(item, dict)]
        found = [entry for item in inside for entry in (item if isinstance(item, list) else [item])]
    return [item for item in found if item is not None and not isinstance(item, dict)]


def variations(value: Any) -> Strategy:
    """Return values near `value`, which a comparison might mistake for it."""
    if not isinstance(value, str):
        return st.sampled_from([value, str(value)])
    form = normalize("NFC", value)
    near = [value, value.upper(), value.lower(), value[1:], value[:-1], value[:1], f"{value}x", form, ""]
    return st.sampled_from([text for text in (*near, normalize("NFD", value)) if not set(text) & set(PECULIAR)])


@st.composite
def operands(draw: Callable[..., Any], attribute: Attribute, documents: list[Document]) -> Any:
    """Return what to compare an attribute with: what there is, what is near it, or anything.

    A complex attribute without a value of its own is compared with nothing but null.
    """
    target = attribute.part("value") if attribute.parts and attribute.many else attribute
    if target is None or target.parts:
        return None
    known = values_at(documents, target)
    kinds = ["anything", "null", "other"] + ["known", "near"] * 3 * bool(known)
    kind = draw(st.sampled_from(kinds))
    if kind == "known":
        return draw(st.sampled_from(known))
    if kind == "near":
        near = draw(variations(draw(st.sampled_from(known))))
        return in_another_zone(draw, near) if target.kind is dt.datetime else near
    if kind == "other":
        return draw(st.integers(-2, 2) | st.booleans() | texts | st.just(1.5))
    return None if kind == "null" else draw(plain_values(target))


def in_another_zone(draw: Callable[..., Any], text: Any) -> Any:
    """Return the same instant somewhere else, or one a microsecond off; it always says in which zone it is."""
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return text
    if moment.tzinfo is None:
        return f"{text}Z"
    off = dt.timedelta(microseconds=draw(st.integers(-1, 1)))
    return (moment + off).astimezone(draw(zones)).isoformat()


@st.composite
def comparisons(draw: Callable[..., Any], attribute: Attribute, names: Strategy, documents: list[Document]) -> str:
    """Return a comparison of an attribute, or whether it is present."""
    name = draw(names)
    if attribute.path in REFUSED or draw(st.integers(0, 5)) == 0:
        return f"{name} {draw(any_case('pr'))}"
    value = draw(operands(attribute, documents))
    operators = OPERATORS[:2] if isinstance(value, bool | None) and draw(st.integers(0, 5)) else OPERATORS
    return (
        f"{name} {draw(st.sampled_from(operators).flatmap(any_case))} {literal(value, ascii_only=draw(st.booleans()))}"
    )


def combined(terms: Strategy, leaves: int) -> Strategy:
    """Return `terms` joined by `and`, `or`, `not` and parentheses."""

    def join(inner: Strategy) -> Strategy:
        pairs = st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", "Or"]), inner)
        return (
            pairs
            | st.builds("({})".format, inner)
            | st.builds("{}({})".format, st.sampled_from(["not ", "NOT", "not  "]), inner)
        )

    return st.recursive(terms, join, max_leaves=leaves)


@st.composite
def value_paths(draw: Callable[..., Any], attribute: Attribute, names: Strategy, documents: list[Document]) -> str:
    """Return a selection of values, `emails[type eq "work"]`, at times followed by one more comparison of theirs."""
    parts = attribute.parts or (Attribute(f"{attribute.path}.value", attribute.kind),)

    def about(part: Attribute) -> Strategy:
        return comparisons(part, any_case(part.name), documents)

    inner = combined(st.sampled_from(parts).flatmap(about), leaves=3)
    more = f".{draw(about(draw(st.sampled_from(parts))))}" if draw(st.integers(0, 3)) == 0 else ""
    return f"{draw(names)}[{draw(inner)}]{more}"


def filters(attributes: tuple[Attribute, ...], urn: str, documents: list[Document]) -> Strategy:
    """Return filters over all of `attributes`, which belong to the schema `urn`."""
    everything = list(flattened(attributes))
    assigned = [attribute for attribute in everything if values_at(documents, attribute)]
    many = [attribute for attribute in attributes if attribute.many]
    terms = st.sampled_from([*everything, *assigned * 3]).flatmap(
        lambda each: comparisons(each, spelled(each, urn), documents)
    )
    paths = st.sampled_from(many).flatmap(lambda each: value_paths(each, spelled(each, urn), documents))
    return combined(st.one_of(terms, terms, terms, paths), leaves=3).filter(lambda text: len(text.encode()) <= 1000)


def user_filters(documents: list[Document]) -> Strategy:
    """Return filters over users."""
    return filters(USER_ATTRIBUTES, USER_URN, documents)


def group_filters(documents: list[Document]) -> Strategy:
    """Return filters over groups."""
    return filters(GROUP_ATTRIBUTES, GROUP_URN, documents)


def role_filters(documents: list[Document]) -> Strategy:
    """Return filters over roles."""
    return filters(ROLE_ATTRIBUTES, ROLE_URN, documents)


# PATCH --------------------------------------------------------------------------------------------------------------

OPS = ("add", "replace", "remove", "Add", "Replace", "Remove")


# A read-only one is tried only now and then.
WRITABLE = [
    attribute
    for each in USER_ATTRIBUTES
    for attribute in (each, *(each.parts if each.is_extension else ()))
    if not attribute.read_only and attribute.path not in ("schemas", "password")
]


def selections(attribute: Attribute, documents: list[Document]) -> Strategy:
    """Return filters for the brackets of a path: of any kind, and such as describe an entry."""

    def equals(part: Attribute) -> Strategy:
        known = values_at(documents, part)
        values = st.sampled_from(known) | plain_values(part) if known else plain_values(part)
        return values.map(lambda value: f"{part.name} eq {literal(value, ascii_only=False)}")

    def about(part: Attribute) -> Strategy:
        return comparisons(part, any_case(part.name), documents)

    parts = st.sampled_from(attribute.parts)
    alone = parts.flatmap(equals)
    return st.one_of(alone, alone, st.builds("{} and {}".format, alone, alone), combined(parts.flatmap(about), 2))


@st.composite
def targets(draw: Callable[..., Any], document: Document) -> tuple[str, Strategy]:
    """Return a path and the values to write there."""
    attribute = draw(st.sampled_from(WRITABLE))
    names = spelled(attribute, USER_URN)
    if not attribute.parts or attribute.is_extension or draw(st.integers(0, 2)) == 0:
        return draw(names), values_of(attribute)
    part = draw(st.sampled_from(attribute.parts))
    if not attribute.many or draw(st.integers(0, 3)) == 0:
        return f"{draw(names)}.{draw(any_case(part.name))}", plain_values(part)
    selected = f"{draw(names)}[{draw(selections(attribute, [document]))}]"
    if draw(st.booleans()):
        return f"{selected}.{draw(any_case(part.name))}", plain_values(part)
    return selected, st.fixed_dictionaries({}, optional={each.name: plain_values(each) for each in attribute.parts})


@st.composite
def bodies(draw: Callable[..., Any], document: Document) -> Document:
    """Return the value of an operation without a path: attributes, full paths among them, or what there is already."""
    body: Document = {}
    for _ in range(draw(st.integers(1, 3))):
        path, values = draw(targets(document).filter(lambda target: "[" not in target[0]))
        body[path] = draw(values | st.none())
    if draw(st.integers(0, 3)) == 0:
        body |= {name: document[name] for name in draw(st.lists(st.sampled_from(sorted(document)), max_size=3))}
    # A name that comes twice, in whatever case, is a syntax error.
    return dict({name.lower(): (name, value) for name, value in body.items()}.values())


@st.composite
def operations(draw: Callable[..., Any], document: Document) -> Document:
    """Return one operation of a PATCH of `document`."""
    op = draw(st.sampled_from(OPS))
    removes = op.lower() == "remove"
    if not removes and draw(st.integers(0, 3)) == 0:
        return {"op": op, "value": draw(bodies(document))}
    path, values = draw(targets(document))
    if draw(st.integers(0, 15)) == 0:
        path = draw(st.sampled_from(["id", "meta.created", "groups", "schemas", "userName", "password", "shoeSize"]))
        values = texts
    if not removes:
        return {"op": op, "path": path, "value": draw(values | st.none() if op.lower() == "replace" else values)}
    entries = document.get(path)
    if isinstance(entries, list) and draw(st.booleans()):
        return {"op": op, "path": path, "value": draw(st.lists(st.sampled_from(entries), max_size=2))}
    return {"op": op, "path": path}


def patches(document: Document) -> Strategy:
    """Return the operations of a PATCH of `document`."""
    return st.lists(operations(document), min_size=1, max_size=4)


def group_patches(ids: list[str]) -> Strategy:
    """Return the operations of a PATCH of a group, whose members are or could be `ids`."""
    members = st.lists(st.sampled_from(ids).map(lambda member: {"value": member}), max_size=3)
    one = st.sampled_from(ids).map('members[value eq "{}"]'.format)
    two = st.builds('members[value eq "{}" or value eq "{}"]'.format, *[st.sampled_from(ids)] * 2)
    names = any_case("displayName") | any_case(f"{GROUP_URN}:displayName")
    paths = any_case("members") | any_case(f"{GROUP_URN}:members")
    strings = indexed_names.map("{}x".format)
    written = st.sampled_from(["add", "replace", "Add", "Replace"])
    removed = st.sampled_from(["remove", "Remove"])
    body = st.fixed_dictionaries({}, optional={"displayName": strings, "externalId": strings, "members": members})
    return st.lists(
        st.one_of(
            st.fixed_dictionaries({"op": written, "path": names | any_case("externalId"), "value": strings}),
            st.fixed_dictionaries({"op": written, "path": paths, "value": members}),
            st.fixed_dictionaries({"op": written, "value": body}),
            st.fixed_dictionaries({"op": removed, "path": one | two | paths | names | any_case("externalId")}),
            st.fixed_dictionaries({"op": removed, "path": paths, "value": members}),
        ),
        min_size=1,
        max_size=4,
    )
