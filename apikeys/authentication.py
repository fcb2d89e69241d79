"""Which key came with a request, and so which organization it speaks for: the same for SCIM and REST.

One query finds the key by its digest and brings its organization along. What is refused is refused the same way
whether the key never existed or was deleted; only a key that matched in full but has expired is told so, because Okta
shows the text to its admin.
"""

import datetime as dt

from django.http import HttpRequest
from django.utils import timezone

from apikeys import limits
from apikeys.errors import KeyExpired, KeyMissing, KeyNotAllowedHere, KeyOfWrongType, KeyUnknown
from apikeys.models import ApiKey, KnownOrigin
from apikeys.secret import KeyText
from audit.actor import Origin

BEARER = "bearer"
DOORS = {"scim": "the SCIM API", "api": "the REST API"}


def authenticate(request: HttpRequest, kind: str) -> ApiKey:
    """Return the live key that came with `request`, its organization loaded, and count the request against its limit.

    `kind` is what the door takes: "scim" or "api". Raises KeyMissing, KeyUnknown, KeyExpired, KeyOfWrongType (each a
    401), KeyNotAllowedHere (403) or TooManyRequests (429).
    """
    origin, now = Origin.of(request), timezone.now()
    try:
        text = key_text(request)
        api_key = find_key(text, kind, now)
    except KeyUnknown:
        limits.count_bad_key(origin.ip)
        raise
    limits.check_key(api_key.pk)
    allowed = api_key.is_allowed_from(origin.ip)
    KnownOrigin.objects.meet(api_key, origin, now, refused=not allowed)
    if not allowed:
        raise KeyNotAllowedHere(api_key.hint, origin.ip)
    api_key.move_to_newest_pepper(text)
    api_key.record_use(origin, now)
    return api_key


def key_text(request: HttpRequest) -> KeyText:
    """Return the key that came with `request`. Raises KeyMissing, or KeyUnknown if it is malformed."""
    text = KeyText.parse(bearer_token(request))
    if text is None:
        raise KeyUnknown
    return text


def find_key(text: KeyText, kind: str, now: dt.datetime) -> ApiKey:
    """Return the key that `text` spells, live at `now`. Raises KeyUnknown, KeyExpired or KeyOfWrongType."""
    api_key = ApiKey.objects.with_text(text).select_related("organization").first()
    if api_key is None:
        raise KeyUnknown
    if api_key.prefix != kind:
        raise KeyOfWrongType(
            f"This is a key of type {api_key.get_kind_display()}: it opens {DOORS[api_key.prefix]}, not {DOORS[kind]}."
        )
    if api_key.is_expired(now):
        raise KeyExpired(
            f"{'SCIM' if kind == 'scim' else 'API'} key …{api_key.last_four} expired on {api_key.expires_on}; "
            "generate a new one in Settings > API Access."
        )
    return api_key


def bearer_token(request: HttpRequest) -> str:
    """Return what follows `Bearer` in the Authorization header (RFC 6750 §2.1). Raises KeyMissing.

    Okta's "HTTP Header" mode sends the token as it was typed, so a bare token is taken too.
    """
    header: str = request.META.get("HTTP_AUTHORIZATION", "").strip()
    scheme, _, token = header.partition(" ")
    if scheme.lower() == BEARER:
        token = token.strip()
    elif not token and scheme.startswith("torii_"):
        token = scheme
    else:
        token = ""
    if not token:
        raise KeyMissing
    return token
