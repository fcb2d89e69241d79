"""Which characters a name may have, how two names look alike, and how a name is quoted: for every door.

A name stands on pages, in mails, in logs and in calendars. What breaks a line there, turns the direction of what
follows, or can't be seen makes one name pass for another, or for words of ours. docs/decisions/0057-names.md has the
list with its reasons.
"""

import re
from unicodedata import combining, normalize

# C0 with tab and line breaks, DEL and C1; line and paragraph separators; embeddings, overrides and isolates of
# direction; zero-width space, word joiner and other marks that can't be seen; tags and annotations.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
QUOTED = 100
LONG_WORD = re.compile(r"(\S{99})\S{2,}")
IN_QUOTES = re.compile(r"(['\"])((?:(?!\1).)*)\1", re.DOTALL)

# Letters of other scripts that look like Latin ones in lower case, and what people take for one another (a part of
# https://www.unicode.org/Public/security/latest/confusables.txt, which leaves case alone).
TAKEN_FOR = {
    "a": "\u0430\u0251\u03b1",
    "b": "\u0432\u03b2",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u0454\u03b5",
    "g": "\u050d\u0261",
    "h": "\u04bb",
    "i": "\u0456\u04cf\u0131\u03b91l|!\u0269",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba",
    "m": "\u043c",
    "n": "\u043f\u03b7",
    "o": "\u043e\u03bf0",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "u": "\u03c5",
    "v": "\u03bd",
    "w": "\u051d\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u04af\u03b3",
}
LOOKS_LIKE = {ord(other): letter for letter, others in TAKEN_FOR.items() for other in others}


def unfit_character(text: str) -> str | None:
    """Return the first character that no name may have, as in "U+000A"; None if there is none."""
    found = UNFIT.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def on_one_line(text: str, most: int = 0) -> str:
    """Return `text` without what no name may have, its spaces folded, cut to `most` characters unless that is 0."""
    line = " ".join(UNFIT.sub(" ", text).split())
    return line if not most or len(line) <= most else f"{line[: most - 1]}…"


def quoted(text: str) -> str:
    """Return what was sent to us as an error may repeat it: on one line, of at most 100 characters."""
    return on_one_line(text, QUOTED)


def shortened(text: str) -> str:
    """Return a sentence without long words: they repeat what was sent."""
    return LONG_WORD.sub(r"\1…", text)


def with_short_quotes(text: str) -> str:
    """Return a sentence of a library, which quotes what was sent in full, with quotes of at most 100 characters."""
    return IN_QUOTES.sub(lambda found: f"{found[1]}{quoted(found[2])}{found[1]}", text)


def skeleton(text: str) -> str:
    """Return what `text` looks like: two names with the same skeleton pass for each other."""
    plain = normalize("NFKD", normalize("NFKC", text).casefold())
    letters = "".join(character for character in plain if not combining(character) and character.isprintable())
    return "".join(letters.translate(LOOKS_LIKE).replace("rn", "m").replace("vv", "w").split())
