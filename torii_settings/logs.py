"""Logs: one line of JSON an event on standard error, key=value text in the demo.

Every process has its lines from here: web, worker, beat, and what libraries, warnings and uncaught exceptions say.
Nothing logs a header or a body, and keys have no readable `repr`, so that no secret can get here. E-mail addresses are
taken out of all text, and what a rule refuses (an unknown host, a missing permission, a stale form) is one line without
a traceback and without the path, which may hold ids. The access line says the rest (`torii_settings.access`).
"""

import logging
import re
import sys
import threading
import traceback
from logging.config import dictConfig
from types import TracebackType
from typing import Any

import structlog
from django.conf import settings
from django.db import Error
from pydantic import ValidationError
from structlog.typing import EventDict, Processor, WrappedLogger

from lib import request_id
from lib.database_errors import message_of
from lib.lines import write_line

# A name of a Celery worker, as in celery@host, has no dot after the @. In a broker's URL `**` hides the password.
ADDRESS = re.compile(r"(?!\*+@)[^\s@<>\"'()\[\]{},;:=/]+@[\w-]+(?:\.[\w-]+)+")
MESSAGE_LENGTH = 2000
DETAILS = ["sqlstate", "constraint", "passed_over"]

logger = logging.getLogger(__name__)


class Lines(logging.Handler):
    """Writes each record as a line, whole."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line; a record that can't be rendered is a fault of ours, and must not end the work."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)
        else:
            write_line(line.encode(errors="backslashreplace") + b"\n")


class News(logging.Filter):
    """Keeps what no other line says; what a rule has refused loses its traceback and its values.

    Django logs every answer from 400 on, with its path. That there was one, the access line says; why a door has
    failed, the door has logged itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written."""
        if record.name.startswith("django.security"):
            record.msg, record.args = f"refused: {reason_of(record)}", ()
            record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        elif record.name == "django.request":
            if not record.exc_info or getattr(record, "status_code", 500) != 500:
                return False
            record.msg, record.args = "a page failed", ()
        return True


def reason_of(record: logging.LogRecord) -> str:
    """Return why a request was refused: the rule's name, and of a form its reason without what was sent."""
    kind = record.name.rpartition(".")[2]
    if kind == "csrf" and isinstance(record.args, tuple) and record.args:
        return f"csrf: {str(record.args[0]).partition(' - ')[0]}"
    return kind


# From a record to its line --------------------------------------------------------------------------------------------


def add_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Say what it happened in."""
    if known := request_id.known():
        event["request_id"] = known
    return event


def add_story(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Tell an exception and what led to it."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exception()
    if info and error is not None:
        event["exception"] = story(error)
    return event


def story(error: BaseException) -> str:
    """Return the traceback of `error` and of its causes, the first cause first, with messages that hold no value."""
    parts: list[str] = []
    told: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in told:
        told.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{type(current).__module__}.{type(current).__qualname__}: {words(current)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(reversed(parts))


def words(error: BaseException) -> str:
    """Return an exception's message, without what was sent to us or stored by us where it is known to hold that."""
    if isinstance(error, ValidationError):
        return f"{error.error_count()} findings"
    if isinstance(error, Error) or hasattr(error, "sqlstate"):
        return message_of(error)
    return str(error)[:MESSAGE_LENGTH]


def take_addresses_out(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Leave no e-mail address in any text."""
    for key, value in event.items():
        if isinstance(value, str) and "@" in value:
            event[key] = ADDRESS.sub("…@…", value)
    return event


BEFORE: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(allow=DETAILS),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_request_id,
    add_story,
    take_addresses_out,
]


def render(logger: WrappedLogger, name: str, event: EventDict) -> str | bytes:
    """Return the line for `event`: JSON in production, plain text in the demo."""
    renderer: Processor = (
        structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "logger", "event"])
        if settings.DEMO
        else structlog.processors.JSONRenderer()
    )
    rendered = renderer(logger, name, event)
    return rendered if isinstance(rendered, (str, bytes)) else str(rendered)


PROCESSORS: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]


# What would otherwise be text -----------------------------------------------------------------------------------------


def configure(config: dict[str, Any]) -> None:
    """Set logging up for this process, uncaught exceptions and warnings with it: Django's LOGGING_CONFIG."""
    dictConfig(config)
    logging.captureWarnings(True)
    sys.excepthook = log_uncaught
    threading.excepthook = lambda arguments: log_uncaught(arguments.exc_type, arguments.exc_value)
    sys.unraisablehook = lambda arguments: log_uncaught(arguments.exc_type, arguments.exc_value)


def log_uncaught(kind: type[BaseException], error: BaseException | None, where: TracebackType | None = None) -> None:
    """Log what nobody has caught. Ctrl-C is no fault; that a thread has left is none either."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), where)
    elif not issubclass(kind, SystemExit):
        logger.critical("uncaught", exc_info=error or kind())
