"""An organization in a file, one JSON object a line: docs/operations.md says what each line is.

It holds all that the organization has but secrets, and what follows from the rest.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

from members.holdings import holdings, rows_of
from members.models import Organization

VERSION = 1
AT_ONCE = 1_000
SECRETS = {"apikeys.ApiKey": ("digest", "pepper", "form_token")}
# What counts, indexes or carries out something, and says nothing of its own.
DERIVED = ("members.Headcount", "members.Modification", "members.MemberEmail", "members.Job", "members.JobBatch")


def export(organization: Organization, path: Path) -> str:
    """Write all that `organization` has into a new file; return the id of its last event.

    The file is there whole or not at all, readable by its owner alone, and shows one moment (SQLite: as long as nobody
    writes). Raises FileExistsError, or another OSError.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already.")
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(0o600)
    with partial.open("w", encoding="utf-8") as file:
        with one_moment():
            last = last_event(organization)
            file.writelines(as_text(line) for line in lines(organization))
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return last


def as_text(line: dict[str, Any]) -> str:
    return json.dumps(line, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"


def one_moment() -> transaction.Atomic:
    """Return a transaction in which nobody else's changes are seen."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return Snapshot(None, True, False)
    return transaction.atomic()


class Snapshot(transaction.Atomic):
    """A transaction that sees what was committed when it began."""

    def __enter__(self) -> None:
        super().__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def lines(organization: Organization) -> Iterator[dict[str, Any]]:
    """Return the lines: a head, the rows of each table, and an end that says how many there are."""
    yield {"type": "export", "version": VERSION, "organization_id": organization.public_id, "name": organization.name}
    yield row(organization)
    count: Counter[str] = Counter()
    for model in reversed(holdings()):
        if model._meta.label in DERIVED:
            continue
        for each in all_rows(rows_of(model, organization)):
            count[each["type"]] += 1
            yield each
    yield {"type": "end", "rows": dict(count)}


def all_rows(rows: "models.QuerySet[Any]") -> Iterator[dict[str, Any]]:
    """Return rows in the order of their keys, some at a time."""
    last: Any = None
    while True:
        ahead = rows if last is None else rows.filter(pk__gt=last)
        found = list(ahead.order_by("pk")[:AT_ONCE])
        yield from map(row, found)
        if len(found) < AT_ONCE:
            return
        last = found[-1].pk


def row(found: models.Model) -> dict[str, Any]:
    """Return a row's columns by their names, and the name of its table, without secrets."""
    secret = SECRETS.get(found._meta.label, ())
    columns = {field.attname: field.value_from_object(found) for field in found._meta.concrete_fields}
    return {"type": found._meta.model_name} | {name: columns[name] for name in columns if name not in secret}


def last_event(organization: Organization) -> str:
    """Return the id of the last event: as long as it is the same, nothing has changed that the log tells of."""
    return str(organization.events.order_by("-pk").values_list("pk", flat=True).first() or "")
