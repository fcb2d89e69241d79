"""Old rows are deleted a batch at a time, so that no statement takes long and a worker that has to stop can stop."""

from typing import Any

from django.db import models, transaction

from lib.stopping import is_stopping

AT_ONCE = 1_000


def purge(rows: "models.QuerySet[Any]") -> int:
    """Delete `rows`, in the order of their keys, each batch in its own transaction; return how many rows went.

    A batch is read once and goes as it is then: a row that no longer meets the condition stays.
    """
    deleted = 0
    last: Any = None
    while not is_stopping():
        ahead = rows if last is None else rows.filter(pk__gt=last)
        keys = list(ahead.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not keys:
            break
        with transaction.atomic():
            deleted += rows.filter(pk__in=keys).delete()[1].get(rows.model._meta.label, 0)
        last = keys[-1]
    return deleted
