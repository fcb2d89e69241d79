"""What a filter compares: columns and JSON values, each with the same meaning on both databases.

Every condition is two-valued, so that `not` can negate it: an attribute that isn't there equals nothing, differs from
every value, and meets no other comparison (scim2-models' in-memory evaluation, which serves as the reference). Strings
are compared in lower case unless the attribute is caseExact; `co`, `sw` and `ew` avoid LIKE, which ignores case on
SQLite; order is by code point on either database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Collate, Left, Length, Lower, Right, StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from scim2_models import InvalidFilterException
from scim2_models.path import CompareOperator

from scim.filters.json_sql import AnyElement, JsonBoolean, JsonText

NEVER = Q(pk__in=[])
ALWAYS = ~NEVER

ORDER: dict[CompareOperator, Callable[[Any, Any], Any]] = {
    CompareOperator.gt: GreaterThan,
    CompareOperator.ge: GreaterThanOrEqual,
    CompareOperator.lt: LessThan,
    CompareOperator.le: LessThanOrEqual,
}
PRESENT_OR_MORE = {
    CompareOperator.co,
    CompareOperator.sw,
    CompareOperator.ew,
    CompareOperator.gt,
    CompareOperator.ge,
}


def holds(condition: Any) -> Q:
    """Return `condition`, false where it would be NULL."""
    return Q(Coalesce(condition, Value(False), output_field=BooleanField()))


class Target:
    """Something that a filter can compare."""

    def present(self) -> Q:
        """The condition that there is a value (`pr`)."""
        raise NotImplementedError

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """The condition that the value is there and meets `op` and `value`; never asked for `ne` or null."""
        raise NotImplementedError

    def compare(self, op: CompareOperator, value: Any) -> Q:
        """The condition for any operator and value."""
        if value is None:
            return {CompareOperator.eq: ~self.present(), CompareOperator.ne: self.present()}.get(op, NEVER)
        if op == CompareOperator.ne:
            return ~self.meets(CompareOperator.eq, value)
        return self.meets(op, value)


@dataclass(frozen=True)
class Text(Target):
    """A string: a column in which an empty string stands for absent, or a JSON value (`nullable`)."""

    expression: Any
    case_exact: bool = False
    nullable: bool = False

    def present(self) -> Q:
        """There is a string that isn't empty."""
        return holds(GreaterThan(Length(self.expression), 0))

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Compare with `value`, a string."""
        if not isinstance(value, str):
            return NEVER
        if value == "":
            return self.present() if op in PRESENT_OR_MORE else NEVER
        subject, value = (self.expression, value) if self.case_exact else (Lower(self.expression), value.lower())
        if op in (CompareOperator.lt, CompareOperator.le):
            return self.present() & self._condition(self._ordered(op, subject, value))
        return self._condition(self._lookup(op, subject, value))

    def _condition(self, lookup: Any) -> Q:
        # Only what can be NULL is wrapped: an index is not used behind COALESCE.
        return holds(lookup) if self.nullable else Q(lookup)

    def _lookup(self, op: CompareOperator, subject: Any, value: str) -> Any:
        if op == CompareOperator.eq:
            return Exact(subject, value)
        if op == CompareOperator.co:
            return GreaterThan(StrIndex(subject, Value(value)), 0)
        if op == CompareOperator.sw:
            return Exact(Left(subject, len(value)), value)
        if op == CompareOperator.ew:
            return Exact(Right(subject, len(value)), value)
        return self._ordered(op, subject, value)

    @staticmethod
    def _ordered(op: CompareOperator, subject: Any, value: str) -> Any:
        return ORDER[op](CodePointOrder(subject), Value(value))


class CodePointOrder(Collate):
    """Orders by code point, whatever the database's locale."""

    collation: str

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, "C")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite calls it BINARY."""
        changed = self.copy()
        changed.collation = "BINARY"
        return changed.as_sql(compiler, connection, **context)


@dataclass(frozen=True)
class Boolean(Target):
    """A boolean in a JSON value."""

    expression: JsonBoolean

    def present(self) -> Q:
        """True and false are both values."""
        return holds(Exact(self.expression, True)) | holds(Exact(self.expression, False))

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Only equality is defined for booleans (RFC 7644 §3.4.2.2)."""
        return holds(Exact(self.expression, value)) if op == CompareOperator.eq and isinstance(value, bool) else NEVER


@dataclass(frozen=True)
class Active(Target):
    """`active`, kept as the time of deactivation."""

    def present(self) -> Q:
        """Everybody is active or not."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Only equality is defined for booleans."""
        return Q(deactivated_at__isnull=value) if op == CompareOperator.eq and isinstance(value, bool) else NEVER


@dataclass(frozen=True)
class Moment(Target):
    """A dateTime column that is never empty."""

    column: str

    def present(self) -> Q:
        """Every row has it."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Compare with `value`, an aware datetime."""
        lookup = {CompareOperator.eq: Exact, **ORDER}.get(op)
        if not isinstance(value, datetime) or lookup is None:
            return NEVER
        return Q(lookup(F(self.column), value))


@dataclass(frozen=True)
class Identifier(Target):
    """An `id`, which is a UUID."""

    column: str

    def present(self) -> Q:
        """Every row has one."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Only equality: the order and the parts of an id mean nothing."""
        if op != CompareOperator.eq:
            raise InvalidFilterException(detail="An id can only be compared with eq, ne and pr.")
        try:
            return Q(**{self.column: UUID(value)})
        except ValueError:
            return NEVER


@dataclass(frozen=True)
class Constant(Target):
    """A value that every row has."""

    value: str

    def present(self) -> Q:
        """It is there."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Only equality is of use."""
        return ALWAYS if op == CompareOperator.eq and value == self.value else NEVER


@dataclass(frozen=True)
class AnyOf(Target):
    """A complex attribute, which is present when one of its parts is, and can't be compared."""

    parts: tuple[Target, ...]

    def present(self) -> Q:
        """One of the parts is there."""
        present = NEVER
        for part in self.parts:
            present |= part.present()
        return present

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Refuse: a complex attribute has no value of its own."""
        raise InvalidFilterException(detail="A complex attribute can't be compared: name one of its sub-attributes.")


class Many:
    """The values of a multi-valued attribute; a condition on one of them is turned into one on the resource."""

    def any(self, condition: Q) -> Q:
        """Some value meets `condition`, which is built from `part`."""
        raise NotImplementedError

    def part(self, name: str, *, case_exact: bool, boolean: bool) -> Target:
        """Return the sub-attribute `name` of one value."""
        raise NotImplementedError


@dataclass(frozen=True)
class JsonMany(Many):
    """An array of objects in the JSON column `attributes`."""

    keys: tuple[str, ...]
    element: Any

    def any(self, condition: Q) -> Q:
        """Some element meets `condition`."""
        return Q(AnyElement(F("attributes"), self.keys, condition))

    def part(self, name: str, *, case_exact: bool, boolean: bool) -> Target:
        """Return the value under `name` in an element."""
        if boolean:
            return Boolean(JsonBoolean(self.element, (name,)))
        return Text(JsonText(self.element, (name,)), case_exact, nullable=True)


@dataclass(frozen=True)
class RelatedMany(Many):
    """Rows that point at the resource through `link`; `parts` are columns of those rows."""

    rows: QuerySet[Any]
    link: str
    parts: dict[str, Target]

    def any(self, condition: Q) -> Q:
        """Some row meets `condition`."""
        return Q(Exists(self.rows.filter(condition, **{self.link: OuterRef("pk")})))

    def part(self, name: str, *, case_exact: bool, boolean: bool) -> Target:
        """Return a column of the row."""
        return self.parts.get(name, Text(Value(""), case_exact))
