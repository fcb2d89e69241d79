"""The groups of a member as one column of the member's row, so that reading a member is one query."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, JSONField
from django.db.models.sql.compiler import SQLCompiler


class GroupNames(Expression):
    """The groups of a member as `[[id, name], …]` in the order of their ids, NULL for none; on SQLite, [] for none.

    `prefix` is what the names of the member's columns begin with, as in "member__".
    """

    def __init__(self, prefix: str = "") -> None:
        super().__init__(output_field=JSONField())
        self.organization: Any = F(f"{prefix}organization_id")
        self.member: Any = F(f"{prefix}id")

    def get_source_expressions(self) -> list[Any]:
        """Return the member's columns."""
        return [self.organization, self.member]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved columns."""
        self.organization, self.member = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """SQLite's aggregate takes the rows as they come."""
        return self._sql(compiler, "json_group_array(json_array(id, display_name))")

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """PostgreSQL's aggregate."""
        return self._sql(compiler, "jsonb_agg(jsonb_build_array(id, display_name))")

    def _sql(self, compiler: SQLCompiler, aggregate: str) -> tuple[str, Any]:
        organization, organization_params = compiler.compile(self.organization)
        member, member_params = compiler.compile(self.member)
        names = (
            "SELECT names.id, names.display_name FROM members_groupmembership AS belongs "  # noqa: S608 - compiled
            "INNER JOIN members_group AS names ON names.id = belongs.group_id "
            f"WHERE belongs.organization_id = {organization} AND belongs.member_id = {member} ORDER BY names.id"
        )
        sql = f"(SELECT {aggregate} FROM ({names}) AS ordered)"  # noqa: S608 - compiled
        return sql, [*organization_params, *member_params]
