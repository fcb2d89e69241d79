"""What a filter compares: columns and JSON values, each with the same meaning on both databases.

Every condition is two-valued, so that `not` can negate it: an attribute that isn't there equals nothing but null,
differs from every value, and meets no other comparison (scim2-models' in-memory evaluation, which serves as the
reference). `members.comparison` tells in what form strings are compared.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Expression, F, Q, TextField, Value
from django.db.models.functions import Coalesce, Concat, Length, Lower
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from scim2_models import InvalidFilterException
from scim2_models.path import CompareOperator

from members.comparison import CodePointOrder, Comparable, Holds, Place, sort_key, text_holds
from members.folding import folded
from members.models import Modification, Organization
from scim.filters.among import IdAmong, are_few
from scim.filters.json_sql import JsonBoolean, JsonText
from scim.filters.strings import UuidText, meets, spellings

NEVER = Q(pk__in=[])
ALWAYS = ~NEVER

ORDER: dict[CompareOperator, Callable[[Any, Any], Any]] = {
    CompareOperator.eq: Exact,
    CompareOperator.gt: GreaterThan,
    CompareOperator.ge: GreaterThanOrEqual,
    CompareOperator.lt: LessThan,
    CompareOperator.le: LessThanOrEqual,
}
PLACES = {
    CompareOperator.sw: Place.START,
    CompareOperator.ew: Place.END,
    CompareOperator.co: Place.ANYWHERE,
}
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def holds(condition: Any) -> Q:
    """Return `condition`, false where it would be NULL."""
    return Q(Coalesce(condition, Value(False), output_field=BooleanField()))


class Target:
    """Something that a filter can compare."""

    def present(self) -> Q:
        """The condition that there is a value, and not an empty string (`pr`)."""
        raise NotImplementedError

    def exists(self) -> Q:
        """The condition that there is a value, be it an empty string: not null."""
        return self.present()

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """The condition that the value is there and meets `op` and `value`; never asked for `ne` or null."""
        raise NotImplementedError

    def equals_one_of(self, values: list[Any]) -> Q | None:
        """The condition that the value is there and equals one of `values`, if an index answers it; else None."""
        return None

    def compare(self, op: CompareOperator, value: Any) -> Q:
        """The condition for any operator and value."""
        if value is None:
            return {CompareOperator.eq: ~self.exists(), CompareOperator.ne: self.exists()}.get(op, NEVER)
        if op == CompareOperator.ne:
            return ~self.meets(CompareOperator.eq, value)
        return self.meets(op, value)

    def at(self, base: str, organization: Organization | None = None) -> Self:
        """Return the target in answers whose URLs start with `base`, of resources of `organization`."""
        return self


@dataclass(frozen=True)
class Text(Target):
    """A string: a column in which an empty string stands for absent, or a JSON value (`nullable`).

    `indexed` says that an index finds the column's value (in lower case unless `case_exact`). An index knows nothing of
    normalization, so `eq` then looks the value up in each of its `spellings`; a stored string that is spelled in yet
    another way, partly composed, is the one that isn't found.
    """

    expression: Any
    case_exact: bool = False
    nullable: bool = False
    indexed: bool = False

    def present(self) -> Q:
        """There is a string that isn't empty."""
        if self.nullable:
            return holds(GreaterThan(Length(self.expression), 0))
        return ~Q(Exact(self.expression, Value("")))

    def exists(self) -> Q:
        """There is a string."""
        return Q(IsNull(self.expression, False)) if self.nullable else self.present()

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Compare with `value`, a string."""
        if not isinstance(value, str):
            return NEVER
        value = str(value)
        if self.indexed and value and op == CompareOperator.eq:
            return Q(self._looked_up([value]))
        if self.nullable:
            return holds(self._compared(CodePointOrder(self._form(self.expression)), op, value))
        if op in PLACES and not value:
            return self.present()
        key = sort_key(self.expression, case_exact=self.case_exact)
        if op in PLACES:
            condition = text_holds(key, value, PLACES[op], self._form)
        else:
            condition = Q(self._compared(key, op, value))
        # An index is not used behind COALESCE, so what would be NULL, an empty string, is made false in another way.
        return condition & self.present()

    def equals_one_of(self, values: list[Any]) -> Q | None:
        """Look up all of `values`, strings that aren't empty: an empty one stands for none."""
        strings = [value for value in values if isinstance(value, str) and value]
        return Q(self._looked_up(strings)) if self.indexed and len(strings) == len(values) else None

    def _looked_up(self, values: list[str]) -> Any:
        spelled = dict.fromkeys(text for value in values for text in spellings(value, case_exact=self.case_exact))
        texts = [Value(text, output_field=TextField()) for text in spelled]
        subject = self.expression if self.case_exact else Lower(self.expression)
        keys: list[Any] = texts if self.case_exact else [Lower(text) for text in texts]
        return Exact(subject, keys[0]) if len(keys) == 1 else In(subject, keys)

    def _form(self, text: Any) -> Comparable:
        return Comparable(text, case_exact=self.case_exact)

    def _compared(self, text: Expression, op: CompareOperator, value: str) -> Any:
        sought = self._form(value)
        return Holds(text, sought, PLACES[op]) if op in PLACES else ORDER[op](text, sought)


@dataclass(frozen=True)
class Binary(Target):
    """Bytes, kept in JSON as canonical Base64."""

    expression: JsonText

    def present(self) -> Q:
        """There are some."""
        return holds(GreaterThan(Length(self.expression), 0))

    def exists(self) -> Q:
        """There are some, or none of them."""
        return Q(IsNull(self.expression, False))

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Only equality is defined for bytes (RFC 7644 §3.4.2.2)."""
        if op != CompareOperator.eq or not isinstance(value, bytes):
            return NEVER
        return holds(Exact(self.expression, b64encode(value).decode()))


@dataclass(frozen=True)
class Boolean(Target):
    """A boolean in a JSON value."""

    expression: JsonBoolean

    def present(self) -> Q:
        """True and false are both values."""
        return Q(IsNull(self.expression, False))

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
        """Compare with `value`, a datetime."""
        lookup = ORDER.get(op)
        if not isinstance(value, datetime) or lookup is None:
            return NEVER
        return Q(lookup(F(self.column), instant(value)))


@dataclass(frozen=True)
class LastModified(Moment):
    """`meta.lastModified` of members of `organization`, which a table of its own has in order."""

    organization: Organization | None = None

    def at(self, base: str, organization: Organization | None = None) -> "LastModified":
        """Return the moments of members of `organization`."""
        return replace(self, organization=organization)

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Look up a few members, as those who were modified since yesterday; of many, the members' column tells."""
        condition = super().meets(op, value)
        if self.organization is None or connection.vendor != "postgresql" or condition is NEVER:
            return condition
        rows = Modification.objects.filter(condition, organization=self.organization)
        return Q(IdAmong(rows.values("member"))) if are_few(rows) else condition


def instant(value: datetime) -> datetime:
    """Return a dateTime in UTC, which is also what one without a time zone is taken for.

    Offsets may carry the first and the last day past what Python and the databases know; no resource is that old.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return EARLIEST if value.year == 1 else LATEST


@dataclass(frozen=True)
class Identifier(Target):
    """An `id`, which is a UUID in a column."""

    column: str

    def present(self) -> Q:
        """Every row has one."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Look an id up as it is; other comparisons read it as text."""
        if op != CompareOperator.eq:
            return Text(UuidText(self.column), case_exact=True).meets(op, value)
        found = uuid_in(value)
        return NEVER if found is None else Q(**{self.column: found})

    def equals_one_of(self, values: list[Any]) -> Q | None:
        """Look up all ids among `values`."""
        found = [identifier for value in values if (identifier := uuid_in(value)) is not None]
        return Q(**{f"{self.column}__in": found}) if found else NEVER


def uuid_in(value: Any) -> UUID | None:
    """Return the UUID that `value` spells as we do, in lower case and with hyphens: an id is caseExact."""
    try:
        found = UUID(value if isinstance(value, str) else "")
    except ValueError:
        return None
    return found if str(found) == value else None


@dataclass(frozen=True)
class Location(Target):
    """The URL of a resource: the `base` of all our URLs, which the request tells, `endpoint` and the id in `column`."""

    endpoint: str
    column: str
    case_exact: bool = True
    base: str = ""

    def at(self, base: str, organization: Organization | None = None) -> "Location":
        """Return the location below `base`."""
        return replace(self, base=base)

    def present(self) -> Q:
        """Every resource has one."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Look a URL up by the id at its end; other comparisons read it as text.

        Raises InvalidFilterException where nobody told the base.
        """
        if not self.base:
            raise InvalidFilterException(detail="A URL of ours can't be compared here: compare the id at its end.")
        if not isinstance(value, str):
            return NEVER
        start = f"{self.base}/{self.endpoint}/"
        if op != CompareOperator.eq:
            url = Concat(Value(start), UuidText(self.column), output_field=TextField())
            return Text(url, case_exact=self.case_exact).meets(op, value)
        if not self.case_exact:
            start, value = folded(start), folded(value)
        return Identifier(self.column).meets(op, value.removeprefix(start)) if value.startswith(start) else NEVER


@dataclass(frozen=True)
class Constant(Target):
    """A string that every row has."""

    value: str
    case_exact: bool = False

    def present(self) -> Q:
        """It is there."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Compare here and now."""
        return ALWAYS if isinstance(value, str) and meets(op, self.value, value, case_exact=self.case_exact) else NEVER


@dataclass(frozen=True)
class Computed(Target):
    """A value that every document has and no database knows."""

    name: str

    def present(self) -> Q:
        """It is there."""
        return ALWAYS

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Refuse."""
        raise InvalidFilterException(detail=f"{self.name} can't be compared in a filter.")


class Absent(Target):
    """An attribute that no resource of the type has a value of."""

    def present(self) -> Q:
        """It is not there."""
        return NEVER

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """It meets nothing."""
        return NEVER


@dataclass(frozen=True)
class AnyOf(Target):
    """A complex attribute, which is present when one of its parts is, and can't be compared but with null."""

    parts: tuple[Target, ...]

    def present(self) -> Q:
        """One of the parts is there."""
        return Q(*(part.present() for part in self.parts), _connector=Q.OR)

    def exists(self) -> Q:
        """One of the parts is there, be it empty."""
        return Q(*(part.exists() for part in self.parts), _connector=Q.OR)

    def meets(self, op: CompareOperator, value: Any) -> Q:
        """Refuse: a complex attribute has no value of its own."""
        raise InvalidFilterException(detail="A complex attribute can't be compared: name one of its sub-attributes.")
