"""What commands take as an argument. A value that won't do is a CommandError: one sentence, without the usage."""

import unicodedata
from collections.abc import Callable
from typing import cast

from django.core.management import CommandError
from django.db import models

# Control characters, line and paragraph separators, surrogates; and what makes the text after it run the other way.
UNPRINTABLE = {"Cc", "Zl", "Zp", "Cs"}
BIDI_OVERRIDES = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def line(what: str, model: type[models.Model], name: str) -> Callable[[str], str]:
    """Return a function that takes a line of text for a field of `model`, without the spaces around it.

    `what` names it in a sentence.
    """
    field = cast("models.CharField[str, str]", model._meta.get_field(name))
    longest = field.max_length or 0

    def take(text: str) -> str:
        text = text.strip()
        if not (text or field.blank):
            raise CommandError(f"{what} is empty.")
        if len(text) > longest:
            raise CommandError(f"{what} is longer than {longest} characters.")
        for character in text:
            if unicodedata.category(character) in UNPRINTABLE or character in BIDI_OVERRIDES:
                raise CommandError(f"{what} contains {character!a}, which can't be shown on a line.")
        return text

    return take


def whole_number(what: str, largest: int) -> Callable[[str], int]:
    """Return a function that takes a whole number from 1 to `largest`, `what` it is."""

    def take(text: str) -> int:
        # Python refuses to read a number of thousands of digits.
        if not text.isdecimal() or len(text) > len(str(largest)) or not 1 <= int(text) <= largest:
            raise CommandError(f'{what}: "{text[:40]}" is no number from 1 to {largest:,}.')
        return int(text)

    return take
