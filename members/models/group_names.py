"""The groups of a member as one column of the member's row, so that reading a member is one query."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, JSONField
from django.db.models.sql.compiler import SQLCompiler

FROM = (
    "FROM members_groupmembership AS belongs INNER JOIN members_group AS names ON names.id = belongs.group_id "
    "WHERE belongs.organization_id = {organization} AND belongs.member_id = {member}"
)


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
        """SQLite's aggregate takes the rows as they come, so a query inside it puts them in order."""
        inside = f"SELECT names.id, names.display_name {FROM} ORDER BY names.id"
        return self._compiled(compiler, f"(SELECT json_group_array(json_array(id, display_name)) FROM ({inside}))")  # noqa: S608 - constant

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """PostgreSQL's aggregate orders them itself, which takes it less than a query inside."""
        return self._compiled(
            compiler, f"(SELECT jsonb_agg(jsonb_build_array(names.id, names.display_name) ORDER BY names.id) {FROM})"
        )

    def _compiled(self, compiler: SQLCompiler, sql: str) -> tuple[str, Any]:
        organization, organization_params = compiler.compile(self.organization)
        member, member_params = compiler.compile(self.member)
        sql = sql.format(organization=organization, member=member)
        return sql, [*organization_params, *member_params]
