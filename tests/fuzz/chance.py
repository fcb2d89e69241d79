"""Seeded draws, and the values that programs stumble over."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

NUMBERS = (
    "-1",
    "0",
    "1",
    "007",
    "+1",
    "1_000",
    "1.5",
    "1e3",
    "1e999",
    "-0",
    "²",
    "١٢",
    "\uff11\uff12",
    "0x10",
    "NaN",
    "inf",
)
LARGE_NUMBERS = ("2147483648", "9223372036854775807", "9223372036854775808", "9" * 40, "9" * 400, "9" * 4400)
DATES = (
    "0000-00-00",
    "0001-01-01",
    "1582-10-10",
    "1969-12-31",
    "2024-02-29",
    "2026-02-30",
    "9999-12-31",
    "10000-01-01",
    "-0001-01-01",
    "2026-W01-1",
    "31/12/2026",
    "20260101",
)
MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:60Z",
    "2026-03-29T02:30:00Europe/Berlin",
    "2026-01-01T00:00:00+99:99",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00.1234567890123Z",
    "2026-01-01 00:00:00",
    "1677-01-01T00:00:00Z",
    "2026-01-01T00:00:00",
)
STRANGE = (
    "",
    " ",
    "\t",
    "\n",
    "\r\nX-Odd: 1",
    "\0",
    "a\0b",
    "\ufeff",
    "\u202egnp.exe",
    "\u2028",
    "\u00a0",
    "\u200b",
    "\ufffe",
    "\uffff",
    "\U0010ffff",
    "İ",
    "\u017f",
    "\u212a",
    "ß",
    "Σς",
    "ǅ",
    "e\u0301",
    "a" + "\u0301" * 40,
    "👩\u200d👩\u200d👧",
    "العربية",
    "\x7f",
    "\x1b[31m",
    "'",
    '"',
    "\\",
    "%",
    "_",
    "%s",
    "%00",
    "%(x)s",
    "{0}",
    "{{ 7*7 }}",
    "{% include x %}",
    "${x}",
    "$1",
    "(?:a+)+$",
    "[",
    "*",
    "' OR 1=1 --",
    "'; SELECT pg_sleep(9); --",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "//example.org",
    "/../../etc/passwd",
    "..",
    "http://[::1",
    "null",
    "true",
    "undefined",
    "None",
    "__proto__",
    "__class__",
    "id__gt",
    "-",
    ".",
    ",",
    ";",
    "=",
    "&",
    "#",
    "@",
    "a@b",
    "a@@b.example",
    '"a b"@example.com',
    "a@[127.0.0.1]",
    "a@" + "b" * 64 + ".example",
    "\uff41@example.com",
    "İ@example.com",
    "a@exa\u00admple.com",
    "xn--a@xn--a.example",
)
LONG = ("a" * 255, "a" * 256, "é" * 300, "a " * 600, "x" * 5_000, "\U0001f600" * 2_000, "w" * 70_000)
SURROGATES = ("\ud800", "a\udfff", "\ud83d")
ODD_BYTES = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0", b"\xf4\x90\x80\x80", b"\xe2\x82")


class Chance(Random):
    """A source of chance that gives the same for the same seed."""

    def once_in(self, count: int) -> bool:
        """Whether it happens, which it does once in so many times."""
        return self.random() * count < 1

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[int(self.random() * len(values))]

    def mostly(self, likely: T, values: Sequence[T], once_in: int = 8) -> T:
        """Return `likely`, or now and then one of the other values."""
        return self.pick(values) if self.once_in(once_in) else likely

    def text(self) -> str:
        """Return a text that something may stumble over."""
        draw = self.random()
        if draw < 0.55:
            return self.pick(STRANGE)
        if draw < 0.7:
            return self.pick(NUMBERS)
        if draw < 0.76:
            return self.pick(LARGE_NUMBERS)
        if draw < 0.84:
            return self.pick(DATES + MOMENTS)
        if draw < 0.88:
            return self.pick(LONG)
        if draw < 0.9:
            return self.pick(SURROGATES)
        return "".join(self.pick(STRANGE) for _ in range(3))

    def short_text(self) -> str:
        """Return such a text of a length that fits into an address or a header."""
        return self.text()[:1_000]

    def word(self) -> str:
        """Return a harmless word."""
        return self.pick(("Ana", "work", "home", "Research", "Öztürk", "x", "a b", "Zoë", "O'Neil", "12"))

    def value(self, depth: int = 3) -> Any:
        """Return any JSON value."""
        draw = self.random()
        if draw < 0.35:
            return self.text()
        if draw < 0.45:
            return self.pick((0, 1, -1, 2**31, 2**63, 2**64, 10**30, -(10**400), 1.5, 1e308, 5e-324, -0.0))
        if draw < 0.6:
            return self.pick((None, True, False))
        if draw < 0.75 or depth == 0:
            return self.word()
        if draw < 0.87:
            return [self.value(depth - 1) for _ in range(self.randrange(4))]
        return {self.pick(("value", "type", "a", self.short_text())): self.value(depth - 1) for _ in range(3)}

    def mutated(self, document: Any) -> Any:
        """Return a copy of a JSON document in which something is something else, missing, or there too often."""
        if isinstance(document, dict) and document:
            name = self.pick(list(document))
            draw = self.random()
            if draw < 0.5:
                return document | {name: self.mutated(document[name])}
            if draw < 0.6:
                return {key: value for key, value in document.items() if key != name}
            if draw < 0.7:
                return document | {self.respelled(name): document[name]}
            if draw < 0.8:
                return document | {self.short_text(): self.value()}
            return document | {name: self.value()}
        if isinstance(document, list) and document:
            place = self.randrange(len(document))
            draw = self.random()
            if draw < 0.6:
                return [*document[:place], self.mutated(document[place]), *document[place + 1 :]]
            if draw < 0.75:
                return document[:place] + document[place + 1 :]
            if draw < 0.8:
                return document * self.pick((2, 30, 101))
            return [*document, self.value()]
        return self.value()

    def respelled(self, text: str) -> str:
        """Return a text in another case, or almost the same text."""
        return self.pick((text.upper(), text.lower(), text.swapcase(), f"{text} ", text[:-1], f"{text}x"))

    def json(self, document: Any) -> bytes:
        """Return a document as JSON, now and then as what is hardly JSON."""
        text = json.dumps(document, ensure_ascii=self.once_in(2))
        raw = text.encode("utf-8", "surrogatepass")
        return self.damaged(raw) if self.once_in(12) else raw

    def damaged(self, raw: bytes) -> bytes:
        """Return JSON with something wrong about it."""
        place = self.randrange(len(raw) + 1)
        draw = self.random()
        if draw < 0.2:
            return raw[:place]
        if draw < 0.4:
            return raw[:place] + self.pick(ODD_BYTES) + raw[place:]
        if draw < 0.5:
            # The same names once more: which of two values counts?
            return raw[:-1] + b"," + raw[1:]
        if draw < 0.6:
            deep = self.pick((60, 1_000, 50_000))
            return self.pick((b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep, b"[" * deep))
        return self.pick(
            (
                b"",
                b"null",
                b"[]",
                b'""',
                b"1",
                b"NaN",
                b'{"a":NaN}',
                b'{"a":1e400}',
                b'{"a":' + b"9" * 5_000 + b"}",
                b'{"a":"\\ud800"}',
                b'{"a":"\\u0000"}',
                b"\xef\xbb\xbf" + raw,
                raw.decode("utf-8", "replace").encode("utf-16"),
                raw + b"x",
                raw + raw,
                b"'" + raw + b"'",
                b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                b" " * 100_000 + raw,
                raw + b" " * 1_100_000,
            )
        )
