"""Which key came with a request, and so which organization it speaks for: the same for SCIM and REST.

Whether the key may be used like this is checked before anything is counted against it, and what is refused is counted
by itself (docs/decisions/0070-refusals-are-counted-apart.md).

One query finds the key by its digest and brings along its organization and, of a request that does no more than look
somebody up, that row too (`apikeys.seek`). What is refused is refused the same way whether the key never existed or was
deleted; only a key that matched in full but has expired is told so, because Okta shows the text to its admin.

What is remembered of a use (when, from where) is written if the database takes it: reads go on without.
"""

import datetime as dt
from functools import partial

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apikeys import limits, peppers
from apikeys.errors import (
    KeyExpired,
    KeyMissing,
    KeyNotAllowedHere,
    KeyOfWrongType,
    KeyRefused,
    KeyUnknown,
    TooManyRequests,
)
from apikeys.models import ApiKey, KnownOrigin
from apikeys.models.origin import is_met
from apikeys.secret import KeyText
from apikeys.seek import KEY_COLUMNS, Seek, key_statement, organization_columns
from apikeys.seen_keys import SEEN
from audit.actor import Origin
from lib.best_effort import try_to_write
from members.models import Organization
from torii_settings.statement import instance

BEARER = "bearer"
DOORS = {"scim": "the SCIM API", "api": "the REST API"}


def authenticate(request: HttpRequest, kind: str, seek: Seek | None = None) -> ApiKey:
    """Return the live key that came with `request`, its organization loaded.

    `kind` is what the door takes: "scim" or "api"; `seek` is filled on the way. Refusals are counted here. The door
    counts the request (`limits.check_key`) once it has no reason of its own to refuse it; else it counts that.

    Raises KeyMissing, KeyUnknown, KeyExpired, KeyOfWrongType (each a 401), KeyNotAllowedHere (403) or TooManyRequests
    (429).
    """
    origin, now = Origin.of(request), timezone.now()
    try:
        text = key_text(request)
        api_key = find_key(text, seek, origin.ip)
    except KeyUnknown:
        limits.count_bad_key(origin.ip)
        raise
    # Whether or not it is let in: the access line says whose it is.
    request.known_key = api_key  # type: ignore[attr-defined]
    try:
        check_kind(api_key, kind)
        check_expiry(api_key, now)
        check_network(api_key, origin, now)
    except (KeyRefused, KeyNotAllowedHere) as error:
        limits.count_refusal(api_key.pk, origin.ip, error.detail)
        raise
    if not peppers.is_settled(api_key.pepper):
        try_to_write(partial(api_key.settle_pepper, text))
    if api_key.use_is_to_be_written(now) and try_to_write(partial(api_key.record_use, origin, now)):
        SEEN.share(text)
    return api_key


@sensitive_variables()
def key_text(request: HttpRequest) -> KeyText:
    """Return the key that came with `request`. Raises KeyMissing, or KeyUnknown if it is malformed."""
    text = KeyText.parse(bearer_token(request))
    if text is None:
        raise KeyUnknown
    return text


def check_kind(api_key: ApiKey, kind: str) -> None:
    """Raise KeyOfWrongType unless the key opens the door that takes `kind`."""
    if api_key.prefix != kind:
        raise KeyOfWrongType(
            f"This is a key of type {api_key.get_kind_display()}: it opens {DOORS[api_key.prefix]}, not {DOORS[kind]}."
        )


def check_expiry(api_key: ApiKey, now: dt.datetime) -> None:
    """Raise KeyExpired if the key's expiration has come at `now`."""
    if api_key.is_expired(now):
        raise KeyExpired(
            f"{'SCIM' if api_key.prefix == 'scim' else 'API'} key …{api_key.last_four} expired on "
            f"{api_key.expiry_day}; generate a new one in Settings > API Access."
        )


def check_network(api_key: ApiKey, origin: Origin, now: dt.datetime) -> None:
    """Remember where the key is used. Raises KeyNotAllowedHere if it may not be used there."""
    allowed = api_key.is_allowed_from(origin.ip)
    if not is_met(api_key, origin):
        try_to_write(partial(KnownOrigin.objects.meet, api_key, origin, now, refused=not allowed))
    if not allowed:
        raise KeyNotAllowedHere(api_key.hint, origin.ip)


@sensitive_variables()
def find_key(text: KeyText, seek: Seek | None, ip: str | None) -> ApiKey:
    """Return the key that `text` spells, as `read_key` does, without a query if it can only be one guess too many.

    Raises KeyUnknown, or TooManyRequests for what may be a guess, past the limit of guesses from the address `ip`.
    """
    is_known = SEEN.is_key(text)
    if not is_known:
        check_guess(text, ip)
    try:
        api_key = read_key(text, seek)
    except KeyUnknown:
        SEEN.add_guess(text)
        limits.count_guess(ip)
        raise
    if not is_known:
        SEEN.add(text)
    return api_key


@sensitive_variables()
def check_guess(text: KeyText, ip: str | None) -> None:
    """Raise KeyUnknown for what was no key a moment ago, and TooManyRequests for what may be one guess too many."""
    if SEEN.is_guess(text):
        raise KeyUnknown
    try:
        limits.check_guesses(ip)
    except TooManyRequests:
        if not SEEN.is_shared(text):
            raise


def read_key(text: KeyText, seek: Seek | None) -> ApiKey:
    """Return the key that `text` spells with its organization, in one query, which fills `seek` too.

    Raises KeyUnknown.
    """
    digests = text.digests(settings.API_KEY_PEPPERS)
    lookup = seek.lookup if seek else None
    statement = key_statement(len(digests), lookup)
    values = {f"digest_{number}": digest for number, digest in enumerate(digests)}
    rows = statement.tuples(**values, sought=seek.value if seek else None)
    if not rows:
        raise KeyUnknown
    names = organization_columns(lookup)
    own = len(KEY_COLUMNS)
    both = own + len(names)
    organization = instance(Organization, names, rows[0][own:both])
    api_key = instance(ApiKey, KEY_COLUMNS, rows[0][:own], organization=organization)
    if seek:
        seek.fill(row[both:] for row in rows)
    return api_key


@sensitive_variables()
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
