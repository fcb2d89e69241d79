"""The words of a search: each becomes conditions of a query, so that their number and length are bounded."""

from django.conf import settings


class SearchTooLong(ValueError):
    """A search has more words or characters than one may have; `detail` says how many that is."""

    def __init__(self) -> None:
        words, length = settings.SEARCH_WORDS_LIMIT, settings.SEARCH_LENGTH_LIMIT
        self.detail = f"Search for {words} words at most, of {length} characters in all."
        super().__init__(self.detail)


def words_of(text: str) -> list[str]:
    """Return the different words of `text`, in lower case, longest first: the longest leaves the fewest rows.

    NUL, which no text in a database has, parts words as a space does. Raises SearchTooLong past `SEARCH_WORDS_LIMIT`
    words or `SEARCH_LENGTH_LIMIT` characters; 0 turns either off.
    """
    if 0 < settings.SEARCH_LENGTH_LIMIT < len(text):
        raise SearchTooLong
    words = list(dict.fromkeys(text.lower().replace("\0", " ").split()))
    if 0 < settings.SEARCH_WORDS_LIMIT < len(words):
        raise SearchTooLong
    return sorted(words, key=len, reverse=True)
