"""The values of a multi-valued attribute, kept in a JSON array or as related rows.

A filter speaks of one of them (`emails[type eq "work" and value co "x"]`) or of any (`emails.type eq "work"`); either
becomes a condition on the resource.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from scim2_models.path import AttributeBinding, CompareOperator

from members.comparison import Place, text_holds
from members.folding import folded
from members.models import MemberEmail, Organization
from members.models.member_email import TOO_LONG, is_short
from scim.filters.among import IdAmong, are_few
from scim.filters.json_sql import ELEMENT, AnyElement
from scim.filters.stored import stored
from scim.filters.targets import ALWAYS, NEVER, PLACES, Absent, AnyOf, Constant, Target

Part = Callable[[AttributeBinding], Target]
"""Gives the sub-attribute of one value that a binding names, or the whole value if it names none."""


class Many:
    """The values of a multi-valued attribute."""

    def any(self, condition: Callable[[Part], Q]) -> Q:
        """Some value meets `condition`."""
        raise NotImplementedError

    def looked_up(self, values: list[Any]) -> Q | None:
        """The condition that some value's `value` equals one of these, if an index answers it; else None."""
        return None

    def held(self, place: Place, text: str, *, alone: bool) -> Q | None:
        """The condition that some value's `value` holds `text` in this place, if an index answers it; else None.

        `alone` says that no `or` joins it to another condition.
        """
        return None

    def at(self, base: str, organization: Organization | None = None) -> Self:
        """Return the values in answers whose URLs start with `base`, of resources of `organization`."""
        return self


@dataclass(frozen=True)
class JsonMany(Many):
    """An array of objects in the JSON column `attributes`."""

    keys: tuple[str, ...]

    def any(self, condition: Callable[[Part], Q]) -> Q:
        """Some element meets `condition`."""
        return Q(AnyElement(F("attributes"), self.keys, condition(self.part)))

    @staticmethod
    def part(binding: AttributeBinding) -> Target:
        """Return a value in an element."""
        keys = (sub_attribute(binding),) if binding.sub_field_name else ()
        return stored(ELEMENT, keys, binding)


@dataclass(frozen=True)
class Emails(JsonMany):
    """`emails`, in the JSON column like others; what can be looked up of them stands in rows, too."""

    organization: Organization | None = None

    def looked_up(self, values: list[Any]) -> Q | None:
        """The member has a row with one of these addresses; None if one is an address that would have no row."""
        addresses = [folded(value) for value in values if isinstance(value, str)]
        if len(addresses) < len(values) or not all(address and is_short(address) for address in addresses):
            return None
        rows = MemberEmail.objects.filter(address__in=dict.fromkeys(addresses))
        if self.organization is None:
            return Q(Exists(rows.filter(organization=OuterRef("organization"), member=OuterRef("pk"))))
        return Q(IdAmong(rows.filter(organization=self.organization).values("member")))

    def held(self, place: Place, text: str, *, alone: bool) -> Q | None:
        """The member has a row with such an address; None where somebody has an address that is in no row.

        If an `or` joins this to something, PostgreSQL would ask for each member; a few are looked up instead.
        """
        if self.organization is None or not text:
            return None
        rows = MemberEmail.objects.filter(organization=self.organization)
        if rows.filter(address=TOO_LONG).exists():
            return None
        found = rows.filter(text_holds(F("address"), folded(text), place, partial(Value, output_field=TextField())))
        if not alone and are_few(found):
            return Q(IdAmong(found.values("member")))
        return Q(Exists(found.filter(member=OuterRef("pk"))))

    def at(self, base: str, organization: Organization | None = None) -> "Emails":
        """Return the addresses of members of `organization`."""
        return replace(self, organization=organization)


@dataclass(frozen=True)
class RelatedMany(Many):
    """Rows that point at the resource through `link`; `parts` are columns of those rows."""

    rows: QuerySet[Any]
    link: str
    parts: dict[str, Target]

    def any(self, condition: Callable[[Part], Q]) -> Q:
        """Some row meets `condition`."""
        return Q(Exists(self.rows.filter(condition(self.part), **{self.link: OuterRef("pk")})))

    def part(self, binding: AttributeBinding) -> Target:
        """Return a column of the row."""
        if binding.sub_field_name is None:
            return AnyOf(tuple(self.parts.values()))
        return self.parts.get(sub_attribute(binding), Absent())

    def at(self, base: str, organization: Organization | None = None) -> "RelatedMany":
        """Return the rows with their locations below `base`."""
        return replace(self, parts={name: part.at(base) for name, part in self.parts.items()})


@dataclass(frozen=True)
class Schemas(Many):
    """`schemas`: that of the resource type, and of each extension of which the JSON column holds something."""

    urn: str
    extensions: tuple[str, ...] = ()

    def any(self, condition: Callable[[Part], Q]) -> Q:
        """Some schema meets `condition`."""
        found = condition(lambda binding: Constant(self.urn))
        for urn in self.extensions:
            found |= Q(attributes__has_key=urn) & condition(lambda binding, urn=urn: Constant(urn))  # type: ignore[misc]
        return found


class NoValues(Many):
    """The values of an attribute that the resource type doesn't have."""

    def any(self, condition: Callable[[Part], Q]) -> Q:
        """There is none."""
        return NEVER


@dataclass(frozen=True)
class AnyValue(Target):
    """What a comparison outside of brackets is about: some value has to meet it; for `ne`, none may be equal.

    `alone` says that no `or` joins it to another one.
    """

    values: Many
    binding: AttributeBinding
    alone: bool = True

    def present(self) -> Q:
        """Some value is there."""
        return self.values.any(lambda part: part(self.binding).present())

    def compare(self, op: CompareOperator, value: Any) -> Q:
        """The condition for any operator and value; without any values, only `eq null` and `ne` something hold."""
        if value is None and op in (CompareOperator.eq, CompareOperator.ne):
            lacking = self.values.any(lambda part: ~part(self.binding).exists())
            somewhere = self.values.any(lambda part: ALWAYS)
            return ~somewhere | lacking if op == CompareOperator.eq else somewhere & ~lacking
        if op == CompareOperator.ne:
            return ~self.compare(CompareOperator.eq, value)
        if op == CompareOperator.eq:
            found = self.equals_one_of([value])
            if found is not None:
                return found
        if op in PLACES and isinstance(value, str) and sub_attribute(self.binding) == "value":
            found = self.values.held(PLACES[op], value, alone=self.alone)
            if found is not None:
                return found
        return self.values.any(lambda part: part(self.binding).compare(op, value))

    def equals_one_of(self, values: list[Any]) -> Q | None:
        """Some value's `value` is one of these."""
        return self.values.looked_up(values) if sub_attribute(self.binding) == "value" else None


def sub_attribute(binding: AttributeBinding) -> str:
    """Return the name of the sub-attribute that `binding` names."""
    return binding.urn.rpartition(":")[2].partition(".")[2]
