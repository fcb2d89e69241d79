"""What `make lint` says of migrations that would stop the traffic, or the release before."""

import pytest
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements

from tests.migration_linter import Analyser

MEMBERS = 'ALTER TABLE "members_member"'


def found(*statements: str) -> set[str]:
    errors, _, warnings = analyse_sql_statements(Analyser, list(statements))
    return {issue.code for issue in [*errors, *warnings]}


@pytest.mark.parametrize(
    ("code", "statements"),
    [
        ("NOT_NULL", ["BEGIN", f'{MEMBERS} ADD COLUMN "a" integer NOT NULL']),
        ("NOT_NULL", ["BEGIN", f'{MEMBERS} ADD COLUMN "a" integer DEFAULT 1 NOT NULL', f'{MEMBERS} DROP DEFAULT "a"']),
        ("DROP_COLUMN", ["BEGIN", f'{MEMBERS} DROP COLUMN "a"']),
        ("RENAME_COLUMN", ["BEGIN", f'{MEMBERS} RENAME COLUMN "a" TO "b"']),
        ("ALTER_COLUMN", ["BEGIN", f'{MEMBERS} ALTER COLUMN "a" TYPE varchar(300)']),
        ("CREATE_INDEX", ["BEGIN", 'CREATE INDEX "i" ON "members_member" ("a")']),
        ("DROP_INDEX", ["BEGIN", 'DROP INDEX "i"']),
        ("ADD_UNIQUE", ["BEGIN", f'{MEMBERS} ADD CONSTRAINT "u" UNIQUE ("a")']),
        ("VALIDATED", ["BEGIN", f'{MEMBERS} ADD CONSTRAINT "c" CHECK ("a" > 0)']),
        ("VALIDATED", ["BEGIN", f'{MEMBERS} ADD CONSTRAINT "f" FOREIGN KEY ("a") REFERENCES "r" ("id")']),
        (
            "VALIDATED",
            ["BEGIN", f'{MEMBERS} ADD COLUMN "a" bigint NULL CONSTRAINT "f" REFERENCES "r" ("id")'],
        ),
        (
            "NOT_VALIDATED_LATER",
            [
                "BEGIN",
                f'{MEMBERS} ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID',
                f'{MEMBERS} VALIDATE CONSTRAINT "c"',
            ],
        ),
        ("NOT_CONCURRENT", [f'{MEMBERS} ADD COLUMN "a" integer NULL']),
    ],
)
def test_what_stops_traffic_or_the_release_before_is_found(code: str, statements: list[str]):
    assert code in found(*statements)


@pytest.mark.parametrize(
    "statements",
    [
        ["BEGIN", f'{MEMBERS} ADD COLUMN "a" integer NULL'],
        ["BEGIN", f"{MEMBERS} ADD COLUMN \"a\" varchar(9) DEFAULT '' NOT NULL"],
        ["BEGIN", f'{MEMBERS} ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID'],
        [f'{MEMBERS} VALIDATE CONSTRAINT "c"'],
        ['DROP INDEX CONCURRENTLY IF EXISTS "i"', 'CREATE INDEX CONCURRENTLY "i" ON "members_member" ("a")'],
        [
            "BEGIN",
            'CREATE TABLE "t" ("id" bigint NOT NULL PRIMARY KEY, "a" integer NOT NULL)',
            'CREATE INDEX "i" ON "t" ("a")',
            'ALTER TABLE "t" ADD CONSTRAINT "c" CHECK ("a" > 0)',
        ],
    ],
)
def test_what_stops_nobody_is_let_through(statements: list[str]):
    assert found(*statements) == set()
