"""Fields that take what the schema says and nothing that merely looks like it, as "yes" does like true."""

import datetime as dt
import re
from typing import Any

from rest_framework import serializers

RFC3339 = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>[Zz]|[+ -]\d\d:\d\d)",
    re.ASCII,
)
LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)
EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)


class Text(serializers.CharField):
    """A string, which a number isn't; spaces around it stay."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the string. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueOrFalse(serializers.BooleanField):
    """`true` or `false`, as a query parameter spells them."""

    default_error_messages = {"invalid": "Use true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the boolean. Raises ValidationError."""
        if data not in ("true", "false"):
            self.fail("invalid", input="")
        return bool(data == "true")


class WholeNumber(serializers.IntegerField):
    """Decimal digits; Python's other spellings of numbers, as in "1_0", are none here."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises ValidationError."""
        if not re.fullmatch(r"-?[0-9]{1,18}", data, re.ASCII):
            self.fail("invalid")
        return int(data)


class Instant(serializers.DateTimeField):
    """A time with its zone (RFC 3339 §5.6); a `+` that was sent unescaped, and so became a space, is one."""

    default_error_messages = {"invalid": "Use RFC 3339 with a zone, as in 2026-11-01T00:00:00Z."}

    def to_internal_value(self, value: Any) -> dt.datetime:
        """Return the instant in UTC. Raises ValidationError."""
        match = RFC3339.fullmatch(value)
        if match is None:
            self.fail("invalid", format="")
        # A leap second is the last microsecond before the next minute.
        second, fraction = ("59", "999999") if match["second"] == "60" else (match["second"], match["fraction"] or "0")
        zone = match["zone"].upper().replace(" ", "+")
        moment = f"{match['date']}T{match['time']}:{second}.{fraction[:6].ljust(6, '0')}{zone}"
        try:
            local = dt.datetime.fromisoformat(moment)
        except ValueError:
            self.fail("invalid", format="")
        try:
            return local.astimezone(dt.UTC)
        except OverflowError:
            return LATEST if local.year > 1 else EARLIEST
