"""The form in which strings are compared, wherever that is decided in Python; `members.comparison` has it in SQL."""

from unicodedata import normalize


def normalized(text: str) -> str:
    """Return `text` in Normalization Form C."""
    return normalize("NFC", text)


def folded(text: str) -> str:
    """Return `text` in lower case and in Normalization Form C, which lowering does not preserve."""
    return normalize("NFC", normalize("NFC", text).lower())


def account_key(address: str) -> str:
    """Return the same text for all spellings of an e-mail address that sign in to one account."""
    return normalize("NFKC", normalize("NFKC", address.strip()).casefold())
