"""Without `pg_trgm` a migration leaves out the indexes that need it, a check says so, and everything is still found."""

from importlib import import_module
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from members.checks import check_search_indexes
from members.indexes import missing_indexes
from members.models import Organization
from members.models.member import matches_search
from tests.conftest import Migrate, person

postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="indexes of PostgreSQL")


def warnings() -> list[str]:
    return [f"{each.msg} {each.hint}" for each in check_search_indexes(databases=["default"])]


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@postgresql
@pytest.mark.django_db(transaction=True)
def test_a_database_without_the_extension_does_without(
    migrate: Migrate, acme: Organization, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert warnings() == []
    migrate("members", "0014_sort_keys")
    run("DROP EXTENSION pg_trgm")
    with monkeypatch.context() as patched:
        patched.setattr("members.migrations.0015_pg_trgm.AVAILABLE", "SELECT FALSE")
        migrate("members", "0017_long_emails")

    assert missing_indexes(connection) == ["member_trigrams", "member_email_trigrams"]
    [warning] = warnings()
    assert "co and ew" in warning
    assert "CREATE EXTENSION pg_trgm" in warning
    person(acme, "ana@acme.example", "Ana Admin")
    assert [each.user_name for each in acme.members.filter(matches_search("MIN"))] == ["ana@acme.example"]
    with pytest.raises(CommandError, match="CREATE EXTENSION"):
        call_command("add_trigram_indexes")

    run("CREATE EXTENSION pg_trgm")
    assert "manage.py add_trigram_indexes" in warnings()[0]
    call_command("add_trigram_indexes")
    assert missing_indexes(connection) == warnings() == []
    assert "Built member_trigrams and member_email_trigrams" in capsys.readouterr().out


@postgresql
@pytest.mark.django_db
def test_whoever_may_not_add_the_extension_goes_on(acme: Organization) -> None:
    add_extension = import_module("members.migrations.0015_pg_trgm").add_extension
    run("DROP EXTENSION pg_trgm CASCADE")
    run("CREATE ROLE torii_without_rights")
    with connection.schema_editor(atomic=False) as editor, transaction.atomic():
        run("SET LOCAL ROLE torii_without_rights")
        add_extension(None, editor)
        run("RESET ROLE")
    assert missing_indexes(connection) != []
    run("SELECT 1")


@pytest.mark.skipif(connection.vendor == "postgresql", reason="about another database")
def test_another_database_needs_none(db: None) -> None:
    assert warnings() == []
    with pytest.raises(CommandError, match="Only PostgreSQL"):
        call_command("add_trigram_indexes")
