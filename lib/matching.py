"""The first of the rows that meet a condition, in order, however many or few those are and wherever they lie.

PostgreSQL can walk down the order and stop when it has enough, or collect all matches and sort them. It guesses from
averages how far it would have to walk. If all matches lie at the end, it walks over a million rows. So here it walks
over a bounded number of rows. If that isn't enough, matches are rare or far away, and it collects them, with the index
that finds the fewest. Then it also tells how many there are.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import BooleanField, Case, Count, Field, Func, IntegerField, Q, QuerySet, Value, When, Window
from django.db.models.expressions import OrderBy

# Rows that are walked over: some milliseconds, and enough for a page of 100 if a twentieth of all rows match.
WALKED = 2_000


@dataclass(frozen=True, slots=True)
class Matches:
    """The primary keys of some matches; `total` is the number of all, if it came along."""

    keys: list[Any]
    total: int | None = None


class Fenced(Func):
    """An expression that sorts as its argument does, and that no index has in order."""

    template = "ARRAY[%(expressions)s]"


def first_matches(
    rows: QuerySet[Any], condition: Q, order: list[OrderBy], start: int, count: int, *, counted: bool
) -> Matches:
    """Return `count` of those of `rows` that meet `condition`, from the one at `start` on.

    `counted` says that the total is wanted, if the rows have to be collected anyway.
    """
    if connections[rows.db].vendor != "postgresql":
        found = rows.filter(condition).order_by(*order).values_list("pk", flat=True)
        return Matches(list(found[start : start + count]))
    if start + count <= WALKED:
        keys = walked_matches(rows, condition, order, start + count)
        if len(keys) == start + count:
            return Matches(keys[start:])
    number: Any = Window(Count("*")) if counted else Value(None, output_field=IntegerField())
    collected = rows.filter(condition).annotate(number=number).order_by(*map(fenced, order))
    numbered = list(collected.values_list("pk", "number")[start : start + count])
    total = numbered[0][1] if numbered else None if start or not counted else 0
    return Matches([key for key, _ in numbered], total)


def walked_matches(rows: QuerySet[Any], condition: Q, order: list[OrderBy], count: int) -> list[Any]:
    """Return the primary keys of the first `count` of `rows` that meet `condition`, or of fewer, `WALKED` rows far.

    The condition is asked of each row on the way, inside, and what it says is looked at outside: as a condition of the
    query it would let PostgreSQL begin with whatever meets it.
    """
    meets = Case(When(condition, then=Value(True)), default=Value(False)) if condition else Value(True)
    walked = rows.order_by(*order).annotate(meets=meets).values_list("pk", "meets")[:WALKED]
    sql, params = walked.query.sql_with_params()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"SELECT pk FROM ({sql}) AS walked (pk, meets) WHERE meets LIMIT %s", [*params, count])  # noqa: S608
        return [key for (key,) in cursor.fetchall()]


def fenced(order: OrderBy) -> OrderBy:
    """Return the same order, in which no index can be walked."""
    changed = order.copy()
    changed.expression = Fenced(order.expression)
    return changed


class Row(Func):
    """Several values that are compared as one: by the first, then by the second."""

    template = "(%(expressions)s)"
    output_field = Field()


def row_comparison(row: list[Any], sign: str, other: list[Any]) -> Func:
    """Return the condition that `row` is before (`<`) or after (`>`) `other`: PostgreSQL enters an index right there.

    It is NULL where a NULL decides.
    """
    sides = (Row(*row), Row(*other))
    return Func(*sides, arg_joiner=f" {sign} ", template="%(expressions)s", output_field=BooleanField())
