"""Conditional requests (RFC 7644 §3.14, RFC 9110 §13): `If-Match` and `If-None-Match` against a resource's version.

Versions are weak, and compared as such, also by `If-Match`: that is how SCIM uses them.
"""

from collections.abc import Callable

from django.http import HttpRequest

from scim.errors import ScimRefusal

ANY = "*"


def tags(header: str) -> set[str]:
    """Return the opaque parts of the entity tags in a header; what is quoted badly is taken as it is."""
    return {part.strip().removeprefix("W/").removeprefix("w/").strip('"') for part in header.split(",")}


def matches(header: str, version: str) -> bool:
    """Whether one of the tags in `header` is `version`, or it is `*`."""
    return header.strip() == ANY or bool(tags(header) & tags(version))


def not_modified(request: HttpRequest, version: str) -> bool:
    """Whether the caller of a GET has this version already: 304."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    return header is not None and bool(version) and matches(header, version)


def require_version(request: HttpRequest, current: Callable[[], str]) -> None:
    """Raise a 412 if the caller of a write means another version than the current one.

    Call it under the resource's lock; `current` is asked only if the caller set a condition.
    """
    required, excluded = request.META.get("HTTP_IF_MATCH"), request.META.get("HTTP_IF_NONE_MATCH")
    if required is not None and not matches(required, current()):
        raise ScimRefusal(412, "The resource has another version by now: read it again, then repeat the change.")
    if excluded is not None and matches(excluded, current()):
        raise ScimRefusal(412, "The resource has a version that If-None-Match rules out.")
