"""Absolute URLs of ours: built from BASE_URL, never from what a request says of its host, port or scheme.

A link in a mail, or in an answer that somebody keeps, must lead to us even if the request that caused it named another
host. So nothing here is given a request, and `tests/security/test_addresses.py` refuses any other way to build one.
"""

from urllib.parse import urlsplit

from django.conf import settings


def absolute(path: str) -> str:
    """Return the URL that the outside knows `path`, which begins with a slash, by."""
    return f"{settings.BASE_URL}{path}"


def is_ours(url: str) -> bool:
    """Whether a browser may be sent to `url`: a path here, or an address below BASE_URL."""
    # Browsers take a backslash for a slash, and pass over control characters and space.
    if "\\" in url or any(character <= " " for character in url):
        return False
    parts, ours = split(url), urlsplit(settings.BASE_URL)
    if parts is None:
        return False
    if not parts[0] and not parts[1]:
        return url.startswith("/") and not url.startswith("//")
    return parts == (ours.scheme, ours.netloc)


def split(url: str) -> tuple[str, str] | None:
    """Return scheme and host of `url`; None for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc
