"""`python -m tests.migration_linter`: may each migration run while the service is in use, the release before included?

It needs an empty PostgreSQL in DATABASE_URL (`python -m tests.services` has one). There each migration is applied, and
django-migration-linter is given the statements that were really run, those of RunPython among them. To its checks we
add what it doesn't know: checks and foreign keys that are validated under a lock, and what has no transaction.

docs/upgrading.md says how to do the same thing in a way that is let through.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.apps import apps
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django_migration_linter.migration_linter import MessageType, MigrationLinter
from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

# Made before the first release: no service that was in use has ever applied these. All later ones are looked at.
BEFORE_THE_FIRST_RELEASE = {"members": "0011", "apikeys": "0007", "audit": "0004"}

# What a migration may do nevertheless, by its label and the check's code, with the reason.
EXCEPTIONS: dict[str, dict[str, str]] = {}

# Checks that say nothing to us.
NOT_ASKED = {
    "RUNPYTHON_MODEL_VARIABLE_NAME": "a matter of taste",
    "RUNPYTHON_MODEL_IMPORT": "knows one way only of writing `apps.get_model(…)`",
}

DEFINES_DATA = ("ALTER ", "CREATE ", "DROP ", "REINDEX ", "LOCK ", "VALIDATE ")
LETS_TRAFFIC_THROUGH = re.compile(r"\bCONCURRENTLY\b|\bVALIDATE CONSTRAINT\b")


def tables_made_by(statements: list[str]) -> set[str]:
    """Return the tables that are new, and so used by nobody."""
    return {match[1] for each in statements if (match := re.match(r"CREATE TABLE (\S+)", each))}


def validates_under_a_lock(statements: list[str], **_: Any) -> bool:
    """Whether rows are looked through while nobody may write them: ADD CONSTRAINT without NOT VALID."""
    new = tables_made_by(statements)
    found = [re.match(r"ALTER TABLE (\S+) .*\b(CHECK|REFERENCES)\b", each) for each in statements]
    return any(match and match[1] not in new and "NOT VALID" not in match.string for match in found)


def validates_in_the_same_transaction(statements: list[str], **_: Any) -> bool:
    """Whether VALIDATE CONSTRAINT comes while the lock of ADD CONSTRAINT … NOT VALID is still held."""
    words = " ".join(statements)
    return statements[:1] == ["BEGIN"] and "NOT VALID" in words and "VALIDATE CONSTRAINT" in words


def waits_without_end(statements: list[str], **_: Any) -> bool:
    """Whether a lock that stops traffic is asked for outside a transaction, where nothing limits the wait for it."""
    return statements[:1] != ["BEGIN"] and any(not LETS_TRAFFIC_THROUGH.search(each) for each in statements)


def check(code: str, is_found: Callable[..., bool], message: str) -> Check:
    return Check(code=code, fn=is_found, message=message, mode=CheckMode.TRANSACTION, type=CheckType.ERROR)


class Analyser(PostgresqlAnalyser):
    """The library's checks, and ours."""

    migration_checks = [
        *PostgresqlAnalyser.migration_checks,
        check("VALIDATED", validates_under_a_lock, "ADD CONSTRAINT looks through the table under a lock: NOT VALID"),
        check("NOT_VALIDATED_LATER", validates_in_the_same_transaction, "VALIDATE CONSTRAINT needs its own migration"),
        check("NOT_CONCURRENT", waits_without_end, "without a transaction, a wait for a lock has no end"),
    ]


class Linter(MigrationLinter):
    """Judges a migration by what it does when it is applied."""

    def __init__(self) -> None:
        super().__init__(no_cache=True, all_warnings_as_errors=True, quiet=[MessageType.IGNORE.value])
        self.sql_analyser_class = Analyser
        self.executor = MigrationExecutor(connection)
        self.executor.recorder.ensure_schema()
        self.state = self.executor.loader.project_state([])

    def lint_all(self) -> bool:
        """Apply every migration, and judge those that are held to it; return whether all of them are well."""
        for migration, _ in self.executor.migration_plan(self.executor.loader.graph.leaf_nodes()):
            if is_held_to_it(migration):
                excused = EXCEPTIONS.get(f"{migration.app_label}.{migration.name}", {})
                self.exclude_migration_tests = [*NOT_ASKED, *excused]
                self.lint_migration(migration)
            else:
                self.apply(migration)
        return not self.has_errors

    def apply(self, migration: Migration) -> None:
        self.state = self.executor.apply_migration(self.state, migration)

    def get_sql(self, app_label: str, migration_name: str) -> list[str]:
        """Apply a migration and return the statements that have changed the schema, after BEGIN if they were in one."""
        migration = self.migration_loader.get_migration(app_label, migration_name)
        with statements_run() as statements:
            self.apply(migration)
        changes = [each for each in statements if each.startswith(DEFINES_DATA)]
        return ["BEGIN", *changes] if migration.atomic else changes


def is_held_to_it(migration: Migration) -> bool:
    """Whether a migration is ours, and later than the first release."""
    if not migration.__module__.startswith(tuple(f"{app}.migrations." for app in our_apps())):
        return False
    return migration.name[:4] > BEFORE_THE_FIRST_RELEASE.get(migration.app_label, "")


def our_apps() -> list[str]:
    """Return the names of the apps that live in this repository."""
    return [config.name for config in apps.get_app_configs() if ".venv" not in config.path]


@contextmanager
def statements_run() -> Iterator[list[str]]:
    """Collect what is run on the database, each statement on one line."""
    statements: list[str] = []

    def collect(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        statements.append(" ".join(str(sql).split()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(collect):
        yield statements


if __name__ == "__main__":
    django.setup()
    sys.exit(0 if Linter().lint_all() else 1)
