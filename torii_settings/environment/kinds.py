"""What a variable may hold: how its text is read, and what the error says if it can't be.

A variable is a descriptor: in the class `Environment` it describes itself, on an instance it is the value it has there.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from email.utils import getaddresses
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar, overload

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

if TYPE_CHECKING:
    from torii_settings.environment.reading import Table

T = TypeVar("T")

# What a demo uses where production has to be told; a function is given the folder in which the demo keeps its data.
DemoValue = str | Callable[[Path], str]

LARGEST = 2**31 - 1
SHOWN = 60
SECRET_LENGTH = 32
SECRET_CHARACTERS = 8
QUOTES = "\"'"


class Wrong(ValueError):
    """A text that the variable can't hold.

    `what` goes on after "which", as in "has a port"; it is empty if `right` says enough. In a list, `entry` is what it
    is said of.
    """

    def __init__(self, what: str = "", entry: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.entry = entry

    @property
    def clause(self) -> str:
        """What follows the value in a sentence."""
        if self.entry:
            return f", of which {self.entry} {self.what or 'is none'}"
        return f", which {self.what}" if self.what else ""


class Variable(ABC, Generic[T]):
    """A variable: `what` it is for, and the text that stands for it where it isn't set.

    `default` is None for a variable that production has to set, and empty for one that may be absent; `demo` goes
    before it in the demo. `right` is what an error says that the variable must be.
    """

    right = "text"
    # Quotation marks around a value are an env file's or a shell's, unless it is a secret: there nobody can tell.
    may_be_quoted = True
    name: str

    def __init__(self, what: str, *, default: str | None = None, demo: DemoValue | None = None) -> None:
        self.what = what
        self.default = default
        self.demo = demo

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, table: None, owner: type) -> Self: ...

    @overload
    def __get__(self, table: "Table", owner: type) -> T: ...

    def __get__(self, table: "Table | None", owner: type) -> Self | T:
        if table is None:
            return self
        value: T = table.values[self.name]
        return value

    def text_in(self, value: str) -> str:
        """Return what is meant by the variable's `value`, without the space and the quotation marks around it."""
        text = value.strip()
        if self.may_be_quoted and len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES:
            text = text[1:-1].strip()
        return text

    def parse(self, text: str) -> T:
        """Return what `text` stands for. Raises Wrong."""
        if not text.isprintable():
            raise Wrong("has a line break or another character that can't be printed")
        return self.read(text)

    @abstractmethod
    def read(self, text: str) -> T:
        """Return what `text`, which isn't empty, stands for. Raises Wrong."""

    @abstractmethod
    def nothing(self) -> T:
        """Return the value of a variable that may be absent, and is."""

    def shown(self, text: str) -> str:
        """Return what an error may say that the variable holds."""
        text = without_login(text)
        return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


class Required(Variable[T]):
    """A kind of variable that always has a value: it is required, or has a default that isn't empty."""

    def nothing(self) -> T:
        raise TypeError(f"{self.name} has no value for nothing.")


class WholeNumber(Required[int]):
    """A number from `least` to `most`, in decimal digits."""

    def __init__(self, what: str, *, default: str, least: int = 0, most: int = LARGEST) -> None:
        super().__init__(what, default=default)
        self.least = least
        self.most = most
        self.right = f"a whole number from {least} to {most}"

    def read(self, text: str) -> int:
        # `int` takes underscores, signs and the digits of every script, and thousands of them.
        if not re.fullmatch(r"[0-9]{1,18}", text) or not self.least <= int(text) <= self.most:
            raise Wrong
        return int(text)


class Duration(Required[int]):
    """A time in seconds, or with the unit s, m, h or d behind it, from `least` to `most` seconds."""

    UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

    def __init__(self, what: str, *, default: str, least: int = 0, most: int = LARGEST) -> None:
        super().__init__(what, default=default)
        self.least = least
        self.most = most
        self.right = f"a time from {self.spelled(least)} to {self.spelled(most)}, as in 90s, 15m, 2h or 900 (seconds)"

    def read(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,12}) ?([smhd]?)", text.lower())
        seconds = int(match[1]) * self.UNITS[match[2]] if match else -1
        if not self.least <= seconds <= self.most:
            raise Wrong
        return seconds

    def spelled(self, seconds: int) -> str:
        """Return `seconds` in the largest unit that divides them."""
        unit = next(unit for unit in "dhms" if seconds % self.UNITS[unit] == 0)
        return f"{seconds // self.UNITS[unit]}{unit}" if seconds else "0s"


class Switch(Required[bool]):
    """On or off."""

    right = "on or off"
    WORDS = {
        "on": True,
        "true": True,
        "yes": True,
        "1": True,
        "off": False,
        "false": False,
        "no": False,
        "0": False,
    }

    def read(self, text: str) -> bool:
        if text.lower() not in self.WORDS:
            raise Wrong
        return self.WORDS[text.lower()]


class Choice(Required[str]):
    """One of `choices`, which are in capitals, in any case."""

    def __init__(self, what: str, choices: tuple[str, ...], *, default: str, demo: str | None = None) -> None:
        super().__init__(what, default=default, demo=demo)
        self.choices = choices
        self.right = f"{', '.join(choices[:-1])} or {choices[-1]}"

    def read(self, text: str) -> str:
        if text.upper() not in self.choices:
            raise Wrong
        return text.upper()


class Mailbox(Required[str]):
    """An e-mail address, with or without a name before it."""

    right = "an e-mail address, as in settings@example.com or Settings <settings@example.com>"

    def read(self, text: str) -> str:
        try:
            [(_, address)] = getaddresses([text])
            validate_email(address)
        except (ValueError, ValidationError):
            raise Wrong from None
        # Of "https://u:p@host", p@host would be the address.
        if text != address and not text.endswith(f"<{address}>"):
            raise Wrong
        return text


class Secret(Required[str]):
    """A secret that nobody can guess. It is taken as it is, but for the space around it, and never shown."""

    may_be_quoted = False
    right = f"a random text of at least {SECRET_LENGTH} characters"

    def read(self, text: str) -> str:
        if weakness := weakness_of(text):
            raise Wrong(weakness)
        return text

    def shown(self, text: str) -> str:
        return f"a secret of {len(text)} character{'' if len(text) == 1 else 's'}"


class Secrets(Variable[list[str]]):
    """Secrets, separated by commas, all of which nobody can guess."""

    may_be_quoted = False
    right = f"secrets separated by commas, each a random text of at least {SECRET_LENGTH} characters"

    def read(self, text: str) -> list[str]:
        secrets = entries(text)
        for number, secret in enumerate(secrets, 1):
            if weakness := self.weakness_of(secret, number):
                raise Wrong(weakness, f"number {number}")
        return secrets

    def weakness_of(self, secret: str, number: int) -> str:
        """Return what is wrong with a secret that stands at `number`, or nothing."""
        return weakness_of(secret)

    def nothing(self) -> list[str]:
        return []

    def shown(self, text: str) -> str:
        lengths = [str(len(entry)) for entry in entries(text, least=0)]
        return f"{len(lengths)} secrets (of {', '.join(lengths)} characters)" if lengths else repr(text)


class Peppers(Secrets):
    """Secrets of which the first is for what is new. Older ones are taken as they are: nobody can choose them anew."""

    right = f"secrets separated by commas, the first a random text of at least {SECRET_LENGTH} characters"

    def weakness_of(self, secret: str, number: int) -> str:
        return weakness_of(secret) if number == 1 else quotation_of(secret)


# What documentation, templates and frameworks put where a secret belongs.
PLACEHOLDER = re.compile(
    r"…|\.\.\.|change.?(me|this)|replace.?(me|this)|insecure|placeholder|your.?(secret|key)", re.IGNORECASE
)


def weakness_of(secret: str) -> str:
    """Return why somebody could guess `secret`, as in "is too short", or nothing."""
    if PLACEHOLDER.search(secret):
        return "is a placeholder"
    if len(secret) < SECRET_LENGTH:
        return "is too short"
    if len(set(secret)) < SECRET_CHARACTERS:
        return "repeats a few characters"
    return quotation_of(secret)


def quotation_of(secret: str) -> str:
    """Return that `secret` stands in quotation marks, which may or may not be part of it, or nothing."""
    return "stands in quotation marks" if secret[0] in QUOTES and secret[-1] == secret[0] else ""


def entries(text: str, *, least: int = 1) -> list[str]:
    """Return what stands between the commas, each once, without the space around it. Raises Wrong for too few."""
    found = list(dict.fromkeys(entry for part in text.split(",") if (entry := part.strip())))
    if len(found) < least:
        raise Wrong("names nothing")
    return found


def without_login(text: str) -> str:
    """Return `text` without user and password, in case it is a URL that was meant for another variable."""
    return re.sub(r"(?<=//).*@", "…@", text)


def each(text: str, read: Callable[[str], str]) -> list[str]:
    """Return what `read` makes of each entry of `text`. Raises Wrong, naming the entry."""
    made = []
    for entry in entries(text):
        try:
            made.append(read(entry))
        except Wrong as wrong:
            raise Wrong(wrong.what, repr(without_login(entry))) from None
    return made
