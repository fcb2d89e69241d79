"""The form in which strings are compared without regard to case, wherever that is decided in Python."""

from unicodedata import normalize


def folded(text: str) -> str:
    """Return `text` in lower case and in Normalization Form C, which lowering does not preserve."""
    return normalize("NFC", normalize("NFC", text).lower())
