"""What a request seeks is read by the statement that finds its key: one trip to the database instead of two.

So that no row can be another organization's, the statement joins it to the organization of the key that it finds. What
it read is used only once the key has been let in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from django.db.models import Expression, Field, FilteredRelation, Q, QuerySet

from apikeys.models import ApiKey
from members.models import Organization
from torii_settings.statement import Parameter, Select, columns

# What nearly every request needs of its key; the rest is read when it is asked for.
KEY_COLUMNS = (
    "id",
    "organization_id",
    "kind",
    "key_id",
    "last_four",
    "digest",
    "pepper",
    "expires_at",
    "allowed_networks",
    "last_used_at",
    "created_by_id",
)
ORGANIZATION_COLUMNS = columns(Organization)
# Whoever looks somebody up needs these few of its organization.
LOOKUP_ORGANIZATION_COLUMNS = ("id", "public_id", "scim_enabled_at", "scim_lists_active_only")

# Of several, who asks is told no more than that there are several.
ENOUGH = 2


@dataclass(frozen=True, eq=False)
class Lookup:
    """Rows of an organization that are found by a value.

    They are those of its `relation` (as in "members") whose `key`, a look-up that an index answers, equals the value,
    which is stored as `field` is, or what `given` makes of it. `columns` are read of each, their names behind `prefix`
    (as in "member__"); `computed` are read beside them, each a name and what makes the expression, given the prefix.
    """

    relation: str
    key: str
    field: "Field[Any, Any]"
    columns: tuple[str, ...]
    computed: tuple[tuple[str, Callable[[str], Expression]], ...] = ()
    prefix: str = ""
    given: Callable[[Expression], Expression] = lambda value: value

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names under which the rows hold what was read."""
        return (*self.columns, *(name for name, _ in self.computed))


@dataclass(slots=True)
class Seek:
    """The `rows` that `lookup` finds for `value`, up to `ENOUGH`; none until the key is found."""

    lookup: Lookup
    value: Any
    rows: list[dict[str, Any]] = field(default_factory=list)

    def fill(self, rows: Iterable[Sequence[Any]]) -> None:
        """Take what the statement read behind the key; where it found nothing, the join left everything NULL."""
        names = self.lookup.names
        self.rows = [dict(zip(names, row, strict=True)) for row in rows if row[0] is not None]


def organization_columns(lookup: Lookup | None) -> tuple[str, ...]:
    """Return the columns that are read of a key's organization; the rest is read when it is asked for."""
    return LOOKUP_ORGANIZATION_COLUMNS if lookup else ORGANIZATION_COLUMNS


@cache
def key_statement(digests: int, lookup: Lookup | None) -> Select:
    """Return the statement that reads a key and its organization, and behind them the rows of `lookup`.

    It takes `digest_0` to `digest_<digests - 1>`, one for each pepper, and what is `sought`.
    """
    return Select(lambda: keys(digests, lookup))


def keys(digests: int, lookup: Lookup | None) -> "QuerySet[ApiKey, Any]":
    """Return the queryset behind `key_statement`."""
    stored = ApiKey._meta.get_field("digest")
    found = ApiKey.objects.filter(digest__in=[Parameter(f"digest_{number}", stored) for number in range(digests)])
    names = [*KEY_COLUMNS, *(f"organization__{name}" for name in organization_columns(lookup))]
    if lookup is None:
        return found.order_by().values_list(*names)
    relation, prefix = f"organization__{lookup.relation}", f"sought__{lookup.prefix}"
    sought = Q(**{f"{relation}__{lookup.key}": lookup.given(Parameter("sought", lookup.field))})
    found = found.alias(sought=FilteredRelation(relation, condition=sought))
    found = found.annotate(**{f"sought_{name}": make(prefix) for name, make in lookup.computed})
    names += [f"{prefix}{name}" for name in lookup.columns] + [f"sought_{name}" for name, _ in lookup.computed]
    return found.order_by().values_list(*names)[:ENOUGH]
