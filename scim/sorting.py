"""`sortBy` and `sortOrder` (RFC 7644 §3.4.2.3): what resources are put in order by.

Strings are in the order of their code points, in lower case unless the attribute is caseExact, whatever the database's
locale; a multi-valued attribute counts by its primary value or else its first. Resources without the attribute come
last in ascending order and first in descending order.
"""

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    DateTimeField,
    Expression,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler
from scim2_models import InvalidPathException, Mutability, Path, SCIMException
from scim2_models.path import AttributeBinding

from members.comparison import sort_key
from members.models import Modification, Organization
from scim.errors import ScimRefusal
from scim.filters.attributes import AttributeMap
from scim.filters.many import JsonMany
from scim.filters.targets import Active, Boolean, Constant, Identifier, LastModified, Location, Moment, Text

KEY = "sort_key"
LONGEST_NAME = 1000

# Bytes have no order (RFC 7644 §3.4.2.2).
BINARY = ("x509Certificates.value",)


@dataclass(frozen=True, slots=True)
class SortKey:
    """What resources of a type are sorted by.

    Where another table holds it, `id_column` names that table's column of ids, and `among` picks those of its rows that
    belong to the organization: together an index has them in order. `places` are these rows, with the key, if each
    stands for a resource that is listed: to skip some, nobody needs to read the resources.
    """

    expression: Any
    id_column: str = ""
    among: Q = field(default_factory=Q)
    places: QuerySet[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by the attribute `by`, or by age if it is empty; ids settle what is equal."""

    by: str = ""
    descending: bool = False

    @classmethod
    def of(cls, by: str, order: str) -> "Sort":
        """Read the two parameters. Raises a 400 `invalidValue` for an order that is none."""
        if order.lower() not in ("", "ascending", "descending"):
            raise ScimRefusal(400, "sortOrder is ascending or descending.", "invalidValue")
        if len(by) > LONGEST_NAME:
            raise ScimRefusal(400, f"sortBy is longer than {LONGEST_NAME} characters.", "invalidValue")
        return cls(by, order.lower() == "descending")

    def keys(self, maps: list[AttributeMap]) -> list[SortKey]:
        """Return the key to sort by in each of the resource types; one that lacks the attribute sorts by NULL.

        Raises InvalidPathException for an attribute that none of them has, or that has no order.
        """
        found = [key_of(attributes, self.by) for attributes in maps]
        known = next((key for key in found if key is not None), None)
        if known is None:
            raise InvalidPathException(detail=f"There is no attribute {self.by[:100]} to sort by.")
        nothing = SortKey(Cast(Value(None), known.expression.output_field))
        return [nothing if key is None else key for key in found]


def key_of(attributes: AttributeMap, by: str) -> SortKey | None:
    """Return what `by` sorts in, None if the resource type has no such attribute."""
    try:
        path = Path[attributes.model](by)  # type: ignore[name-defined]
        binding = path.resolve()
    except SCIMException:
        return None
    if binding is None:
        return None
    if path.value_filter is not None or binding.get_annotation(Mutability) == Mutability.write_only:
        raise unsortable(by)
    target = attributes.single_target(binding)
    if target is None:
        return SortKey(primary_value(attributes, binding, by))
    if isinstance(target, LastModified) and target.organization is not None and connection.vendor == "postgresql":
        return modification_key(target.organization)
    return SortKey(expression_of(target, by))


def modification_key(organization: Organization) -> SortKey:
    """Return what members of an organization are sorted by to have them in the order of their last modification."""
    moment = ExpressionWrapper(F("modification__updated_at"), output_field=DateTimeField())
    places = Modification.objects.filter(organization=organization).annotate(**{KEY: F("updated_at")})
    return SortKey(
        moment,
        "modification__member_id",
        Q(modification__organization=organization),
        None if organization.scim_lists_active_only else places,
    )


def primary_value(attributes: AttributeMap, binding: AttributeBinding, by: str) -> Expression:
    """Return the sub-attribute (by default `value`) of the primary value, or else of the first."""
    attribute, _, part = binding.urn.rpartition(":")[2].partition(".")
    in_json = isinstance(attributes.values(binding), JsonMany) and attributes.keys_of(binding)[0] == attribute
    if not in_json or f"{attribute}.{part or 'value'}" in BINARY:
        raise unsortable(by)
    return sort_key(PrimaryValue(attribute, part or "value"), case_exact=binding.case_exact)


class PrimaryValue(Expression):
    """The sub-attribute `part` of an array's primary element, or else of its first, as text."""

    def __init__(self, attribute: str, part: str) -> None:
        super().__init__(output_field=TextField())
        self.document: Any = F("attributes")
        self.attribute = attribute
        self.part = part

    def get_source_expressions(self) -> list[Any]:
        """Return the document."""
        return [self.document]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved document."""
        (self.document,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """SQLite's `json_each`, whose `key` is the position; JSON's true is 1."""
        document, params = compiler.compile(self.document)
        elements = f"json_each({document}, %s) AS element"
        order = "json_extract(element.value, '$.primary') IS 1 DESC, element.key"
        sql = f"(SELECT json_extract(element.value, %s) FROM {elements} ORDER BY {order} LIMIT 1)"  # noqa: S608 - ours
        return sql, [f'$."{self.part}"', *params, f'$."{self.attribute}"']

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """PostgreSQL's `jsonb_array_elements`, numbered."""
        document, params = compiler.compile(self.document)
        elements = f"jsonb_array_elements({document} -> %s) WITH ORDINALITY AS element(value, position)"
        order = "coalesce(element.value ->> 'primary' = 'true', false) DESC, element.position"
        sql = f"(SELECT element.value ->> %s FROM {elements} ORDER BY {order} LIMIT 1)"  # noqa: S608 - ours
        return sql, [self.part, *params, self.attribute]


@singledispatch
def expression_of(target: Any, by: str) -> Expression:
    """Return what a singular attribute sorts in. Raises InvalidPathException for one that has no order."""
    raise unsortable(by)


@expression_of.register
def _(target: Text, by: str) -> Expression:
    return sort_key(target.expression, case_exact=target.case_exact)


@expression_of.register
def _(target: Boolean, by: str) -> Expression:
    return target.expression


@expression_of.register
def _(target: Active, by: str) -> Expression:
    return ExpressionWrapper(Q(deactivated_at=None), output_field=BooleanField())


@expression_of.register
def _(target: Moment, by: str) -> Expression:
    return ExpressionWrapper(F(target.column), output_field=DateTimeField())


@expression_of.register(Identifier)
@expression_of.register(Location)
def _(target: Identifier | Location, by: str) -> Expression:
    return ExpressionWrapper(F(target.column), output_field=UUIDField())


@expression_of.register
def _(target: Constant, by: str) -> Expression:
    return Value(target.value)


def unsortable(by: str) -> InvalidPathException:
    """Return the error for an attribute without an order."""
    return InvalidPathException(detail=f"{by[:100]} can't be sorted by: name an attribute that holds one plain value.")
