"""How the database compares strings: normalized to NFC and, unless the attribute is caseExact, in lower case.

That is scim2-models' `default_comparison_key`, in Python (`members.folding`) and here as SQL. PostgreSQL's own
`normalize()` and `lower()` do it there; SQLite can do neither, so it is given Python's (`members.database`). The two
differ in two letters at most, because PostgreSQL's `lower()` follows the locale of its database: the Greek Σ at the end
of a word, and the Turkish İ. Within one database both sides of a comparison are lowered by the same function, so that a
value always equals itself.

PostgreSQL has indexes on the sort keys of members' names (`members.indexes`), and uses one only for the very expression
that it is on. So every comparison, search and order of a name starts from `sort_key`.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, Q, TextField, Value
from django.db.models.functions import Collate, Left, Length, NullIf, Right, StrIndex
from django.db.models.lookups import Exact, GreaterThan
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, Any]


class Comparable(Expression):
    """The form of a string that is compared."""

    output_field = TextField()

    def __init__(self, text: Any, *, case_exact: bool) -> None:
        super().__init__(output_field=TextField())
        self.text = Value(text, output_field=TextField()) if isinstance(text, str) else text
        self.case_exact = case_exact

    def get_source_expressions(self) -> list[Any]:
        """Return the string."""
        return [self.text]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved string."""
        (self.text,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Call the function that the connection was given."""
        sql, params = compiler.compile(self.text)
        return f"{'text_normalized' if self.case_exact else 'text_folded'}({sql})", params

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Let PostgreSQL normalize only what isn't ASCII: it is seven times slower than `lower()` alone."""
        sql, params = compiler.compile(self.text)
        plain = sql if self.case_exact else f"lower({sql})"
        other = f"normalize({sql}, NFC)"
        if not self.case_exact:
            other = f"normalize(lower({other}), NFC)"
        return f"CASE WHEN octet_length({sql}) = length({sql}) THEN {plain} ELSE {other} END", [*params] * 4


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


def sort_key(text: Any, *, case_exact: bool = False) -> Expression:
    """Return what a string is sorted and sought by; an empty string has none."""
    return CodePointOrder(NullIf(Comparable(text, case_exact=case_exact), Value("", output_field=TextField())))


class Place(Enum):
    """Where in a string another one is sought."""

    START = "start"
    END = "end"
    ANYWHERE = "anywhere"


class Holds(Expression):
    """Whether a string holds another one, which is not empty, in some place; NULL if either is NULL.

    On PostgreSQL this is LIKE, which indexes answer, unless it is not to be `indexed`. SQLite's LIKE ignores case, so
    there it is spelled out.
    """

    output_field = BooleanField()
    conditional = True

    def __init__(self, text: Any, sought: Any, place: Place, *, indexed: bool = True) -> None:
        super().__init__(output_field=BooleanField())
        self.text = text
        self.sought = sought
        self.place = place
        self.indexed = indexed

    def get_source_expressions(self) -> list[Any]:
        """Return both strings."""
        return [self.text, self.sought]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take both strings, resolved."""
        self.text, self.sought = exprs

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Cut the string and compare."""
        spelled: Any
        if self.place is Place.ANYWHERE:
            spelled = GreaterThan(StrIndex(self.text, self.sought), 0)
        else:
            cut = Left if self.place is Place.START else Right
            spelled = Exact(cut(self.text, Length(self.sought)), self.sought)
        return compiler.compile(spelled)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Make the pattern in SQL: PostgreSQL then folds it as it folds the text, and knows it when it plans."""
        if not self.indexed:
            return self.as_sql(compiler, connection)
        text, text_params = compiler.compile(self.text)
        pattern, params = compiler.compile(self.sought)
        for special in ("\\", "%%", "_"):
            pattern = rf"replace({pattern}, '{special}', '\{special}')"
        before = "" if self.place is Place.START else "'%%' || "
        after = "" if self.place is Place.END else " || '%%'"
        return f"({text} LIKE {before}{pattern}{after})", [*text_params, *params]


# A part before the @ that has so many characters has a trigram of its own, with the end of the word.
LONG_ENOUGH = 2


def text_holds(text: Any, sought: str, place: Place, form: Callable[[str], Any]) -> Q:
    """Return whether `text` holds `sought`, which is not empty; `form` makes of a string what is compared.

    Of an address, an index is asked for the part up to the @ alone: the trigrams of a domain are in each address of an
    organization, and to read a list of them all takes PostgreSQL longer than to look at the few that are left.
    """
    whole = Holds(text, form(sought), place)
    local, sign, domain = sought.partition("@")
    if place is Place.START or not domain or len(local) < LONG_ENOUGH:
        return Q(whole)
    return Q(Holds(text, form(local + sign), Place.ANYWHERE)) & Q(Holds(text, form(sought), place, indexed=False))


def holds(column: str, sought: str, place: Place, *, case_exact: bool = False) -> Q:
    """Return whether the text in `column` holds `sought`, which is not empty."""
    form = partial(Comparable, case_exact=case_exact)
    return text_holds(sort_key(F(column), case_exact=case_exact), sought, place, form)
