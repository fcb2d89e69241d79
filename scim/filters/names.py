"""The name to show of a member, as the database makes it."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, F, Func, Q, TextField, Value, When
from django.db.models.functions import Concat
from django.db.models.lookups import Exact
from django.db.models.sql.compiler import SQLCompiler

# All that str.strip() takes off.
WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))


class Stripped(Func):
    """A string as Python's `strip()` leaves it; SQL's `trim()` alone takes off no more than spaces."""

    function = "trim"

    def __init__(self, text: Any) -> None:
        super().__init__(text, Value(WHITESPACE), output_field=TextField())

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """PostgreSQL calls it btrim."""
        return self.as_sql(compiler, connection, function="btrim")


def full_name(member: str) -> Case:
    """Return the name to show of the related `member`, as `Member.full_name` does."""
    display_name, user_name = f"{member}__display_name", f"{member}__user_name"
    names = Stripped(Concat(f"{member}__given_name", Value(" "), f"{member}__family_name"))
    return Case(
        When(~Q(**{display_name: ""}), then=F(display_name)),
        When(~Q(Exact(names, "")), then=names),
        default=F(user_name),
        output_field=TextField(),
    )
