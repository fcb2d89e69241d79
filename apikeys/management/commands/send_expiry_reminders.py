"""Sends what people are to be told about keys, or lists what would be sent."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from apikeys.delivery import deliver, is_too_early, is_wanted
from apikeys.models import ApiKey, Notice
from apikeys.recipients import recipients
from apikeys.reminders import due_at, keys_to_plan, plan, step_to_tell

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
            self.list_rows(COLUMNS, to_be_sent(now), none=f"Nothing is due at {now:%Y-%m-%d %H:%M %Z}.")
        else:
            self.send(now)

    def send(self, now: dt.datetime) -> None:
        plan(now)
        due = list(Notice.objects.due(now).values_list("id", flat=True))
        deliver(now)
        notices = Notice.objects.filter(pk__in=due).select_related("api_key__organization").order_by("id")
        self.list_rows(
            (*COLUMNS, "RESULT"), [(*row_of(notice), result(notice)) for notice in notices], none="Nothing was due."
        )
        # What waits without a failure is in the hands of a worker.
        if notices.waiting().exclude(failure="").exists():
            left = notices.waiting().count()
            raise CommandError(f"{left} could not be sent yet; the worker, or this command later, tries again.")

    def list_rows(self, columns: Row, rows: list[Row], *, none: str) -> None:
        if not rows:
            self.stderr.write(none)
            return
        widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
        for row in (columns, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def to_be_sent(now: dt.datetime) -> list[Row]:
    """Return what would be sent at `now`: what waits already, and what would be written down."""
    waiting = Notice.objects.due(now).select_related("api_key__organization")
    rows = [row_of(notice) for notice in waiting if not is_too_early(notice, now) and is_wanted(notice, now)]
    for api_key in keys_to_plan(now):
        if step := step_to_tell(api_key, now):
            rows += [row(api_key, step, address, due_at(api_key, step)) for address in recipients(api_key)]
    return sorted(rows)


def row_of(notice: Notice) -> Row:
    kind = Notice.Kind(notice.kind)
    due = due_at(notice.api_key, kind) if kind in Notice.REMINDERS else notice.created_at
    return row(notice.api_key, kind, notice.recipient, due)


def row(api_key: ApiKey, kind: Notice.Kind, recipient: str, due: dt.datetime) -> Row:
    organization = api_key.organization
    local = due.astimezone(organization.zone)
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
