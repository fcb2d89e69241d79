"""Which passwords are too easy to guess, and what would be better, in our words.

zxcvbn estimates how many guesses a password would take: it knows common passwords and words, names, repetitions,
sequences, dates and rows of keys. Its time grows with the length, and with each kind of symbol that may stand for a
letter, to seconds. So only so much of a password is checked.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from members.models.user import User

# How many characters are looked at, more than a good password needs, and how many kinds of the symbols that zxcvbn
# reads as letters, as in p@$$word.
CHECKED = 40
SYMBOLS = "@({[<!|$+%"
SYMBOL_KINDS = 2
# 3 of 0 to 4: more than 10^8 guesses, which takes years past our limits and is safe against stolen hashes.
LEAST_SCORE = 3
OURS = ["torii", "settings"]

BETTER = "Take four or more words that have nothing to do with each other, or let a password manager make one up."
REASONS = {
    "repeat": "it repeats the same characters",
    "sequence": "it follows the alphabet or counts",
    "spatial": "its keys lie beside each other",
    "date": "it is a date",
    "regex": "it is a year",
    "dictionary": "it is a common password or word",
    "user_inputs": "it is made of your address or name, or of ours",
}
OTHERWISE = "it is too short for what it is made of"


class HardToGuess:
    """Refuses a password that is easy to guess (AUTH_PASSWORD_VALIDATORS)."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError, with the reason and what would be better, for a password that is easy to guess."""
        if not password:
            return
        estimate = zxcvbn(bounded(password), user_inputs=[*OURS, *words_of(user)])
        if estimate["score"] < LEAST_SCORE:
            raise ValidationError(
                f"This password is easy to guess: {reason(estimate['sequence'])}. {BETTER}", code="easy_to_guess"
            )

    def get_help_text(self) -> str:
        """Return what a form says before."""
        return BETTER


def bounded(password: str) -> str:
    """Return what is checked of a password. It takes no more than about as long as hashing it."""
    start = password[:CHECKED]
    kinds = dict.fromkeys(character for character in start if character in SYMBOLS)
    return start.translate({ord(symbol): "_" for symbol in islice(kinds, SYMBOL_KINDS, None)})


def words_of(user: User | None) -> list[str]:
    """Return the words that whoever knows a person tries first."""
    if user is None:
        return []
    local, _, domain = user.email.partition("@")
    return [
        word for word in (user.email, local, domain, domain.partition(".")[0], *user.get_full_name().split()) if word
    ]


def reason(sequence: Sequence[Mapping[str, Any]]) -> str:
    """Return what is weakest about a password with these parts: the kind of the longest that is easy to guess."""
    parts = [part for part in sequence if part["pattern"] != "bruteforce"]
    if not parts:
        return OTHERWISE
    longest = max(parts, key=lambda part: len(part["token"]))
    if longest.get("dictionary_name") == "user_inputs":
        return REASONS["user_inputs"]
    return REASONS[longest["pattern"]]
