"""Why a key is refused, as nouns; each door translates them once. `detail` never holds the key."""


class KeyRefused(Exception):
    """Base of the refusals: the request is to be answered with 401."""

    detail = "The key is not valid."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail


class KeyMissing(KeyRefused):
    """No `Authorization: Bearer` header came with the request."""

    detail = 'No key was sent: add the header "Authorization: Bearer <key>".'


class KeyUnknown(KeyRefused):
    """The key is malformed, unknown or deleted; which of them is nobody's business."""

    detail = (
        "The key is not valid: it is mistyped, or it has been deleted. Generate a new one in Settings > API Access."
    )


class KeyExpired(KeyRefused):
    """The key matched in full but its expiration date has come."""


class KeyOfWrongType(KeyRefused):
    """A SCIM key opens only SCIM, an API key only the REST API."""


class KeyNotAllowedHere(Exception):
    """The key matched in full, but may not be used from this address: the request is to be answered with 403."""

    def __init__(self, hint: str, ip: str | None) -> None:
        self.detail = (
            f"The key {hint} may not be used from {ip or 'an unknown address'}: it was generated for certain networks, "
            "which can't be changed. Generate a new key in Settings > API Access."
        )
        super().__init__(self.detail)


class TooManyRequests(Exception):
    """The caller is over a limit. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class KeyInvalid(Exception):
    """A key can't be generated like this. `field` names the input that `detail` is about."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


class KeyNotLive(Exception):
    """A key that is deleted or has expired can't be rotated."""


class KeyRotated(Exception):
    """The key has a successor already."""


class ExpirationImmutable(Exception):
    """Some code tried to change when a key expires, from where it may be used, or for what."""

    def __init__(self) -> None:
        super().__init__(
            "A key's expiration, allowed networks and access can't be changed: generate a new key and delete this one."
        )
