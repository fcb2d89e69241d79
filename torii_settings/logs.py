"""Logs: one line of JSON an event on standard error, key=value text in the demo.

Nothing logs a header or a body, and keys have no readable `repr`, so that no secret can get here.
"""

import structlog
from django.conf import settings
from structlog.typing import EventDict, Processor, WrappedLogger

BEFORE: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
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
