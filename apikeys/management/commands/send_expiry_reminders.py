"""Sends what people are to be told about keys, or lists what would be sent."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from apikeys.delivery import deliver, is_too_early, is_wanted
from apikeys.models import ApiKey, Notice
from apikeys.reminders import addresses_to_add, due_at, keys_to_plan, owed_step, plan
from lib.each import for_each

Row = tuple[str, ...]
# Reminders are looked for around the moment, and told in each organization's time zone: both ends need room for that.
FIRST_YEAR, LAST_YEAR = 1970, 9000
COLUMNS: Row = ("DUE", "ORGANIZATION", "KEY", "DESCRIPTION", "WHAT", "RECIPIENT")


class Command(BaseCommand):
    """`send_expiry_reminders [--dry-run [--at DATE]]`."""

    help = (
        "Send what is due now: reminders of keys that expire, and what else people are to be told about keys. The "
        "worker's clock does the same; running both sends nothing twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument(
            "--dry-run", action="store_true", help="list what would be sent to whom, and change and send nothing"
        )
        parser.add_argument(
            "--at",
            type=moment,
            metavar="DATE",
            help="with --dry-run: as of this moment, as in 2027-03-31 (its first moment, UTC) or "
            "2027-03-31T09:00+02:00 (default: now)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, or list."""
        if options["at"] and not options["dry_run"]:
            raise CommandError("--at goes with --dry-run: mails are sent now or not at all.")
        now = options["at"] or timezone.now()
        if options["dry_run"]:
            rows, faults = to_be_sent(now)
            self.list_rows(COLUMNS, sorted(rows), none=f"Nothing is due at {now:%Y-%m-%d %H:%M %Z}.")
        else:
            faults = self.send(now)
        if faults:
            raise CommandError(f"{faults} could not be looked at for a fault of ours; the log says why.")

    def send(self, now: dt.datetime) -> int:
        """Send what is due at `now`; return with how many keys and notices that failed for a fault of ours."""
        faults = plan(now)
        due = list(Notice.objects.due(now).values_list("id", flat=True))
        faults += deliver(now)
        notices = Notice.objects.filter(pk__in=due).select_related("api_key__organization").order_by("id")
        rows: list[Row] = []
        faults += for_each(notices, lambda notice: rows.append((*row_of(notice), result(notice))), fault=cant_be_listed)
        self.list_rows((*COLUMNS, "RESULT"), rows, none="Nothing was due.")
        # What waits without a failure is in the hands of a worker.
        if notices.waiting().exclude(failure="").exists():
            left = notices.waiting().count()
            raise CommandError(f"{left} could not be sent yet; the worker, or this command later, tries again.")
        return faults

    def list_rows(self, columns: Row, rows: list[Row], *, none: str) -> None:
        if not rows:
            self.stderr.write(none)
            return
        widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
        for row in (columns, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def to_be_sent(now: dt.datetime) -> tuple[list[Row], int]:
    """Return what would be sent at `now`, and with how many notices and keys that failed.

    It is what waits already, and what would be written down.
    """
    rows: list[Row] = []

    def add_notice(notice: Notice) -> None:
        if not is_too_early(notice, now) and is_wanted(notice, now):
            rows.append(row_of(notice))

    def add_key(api_key: ApiKey) -> None:
        if step := owed_step(api_key, now):
            due = due_at(api_key, step)
            rows.extend(row(api_key, step, address, due) for address in addresses_to_add(api_key, step))

    waiting = Notice.objects.due(now).select_related("api_key__organization")
    faults = for_each(waiting, add_notice, fault=cant_be_listed)
    faults += for_each(keys_to_plan(now), add_key, fault=cant_be_listed)
    return rows, faults


def cant_be_listed(row: Notice | ApiKey) -> str:
    """Return what the log says of a row that can't be listed."""
    return f"{row._meta.verbose_name} {row.pk} can't be listed"


def row_of(notice: Notice) -> Row:
    kind = Notice.Kind(notice.kind)
    due = due_at(notice.api_key, kind) if kind in Notice.REMINDERS else notice.created_at
    return row(notice.api_key, kind, notice.recipient, due)


def row(api_key: ApiKey, kind: Notice.Kind, recipient: str, due: dt.datetime) -> Row:
    organization = api_key.organization
    local = organization.local(due)
    cells = (organization.name, api_key.hint, api_key.description, kind.label, recipient)
    return f"{local:%Y-%m-%d %H:%M %Z}", *(" ".join(cell.split()) for cell in cells)


def result(notice: Notice) -> str:
    """Return what became of an attempt."""
    if notice.sent_at is not None:
        return "sent"
    return f"{'failed' if notice.failed_at else 'waits'}: {notice.failure or 'not tried yet'}"


def moment(text: str) -> dt.datetime:
    """Return the moment that `text` spells; without a zone it is UTC."""
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f'--at: "{text[:40]}" is no date: write it as in 2027-03-31 or 2027-03-31T09:00+02:00.'
        ) from None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise CommandError(f'--at: "{text[:40]}" is out of range: choose a year from {FIRST_YEAR} to {LAST_YEAR}.')
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
