"""Keys, what people are told about them, and from where they are used."""

from apikeys.models.api_key import (
    DESCRIPTION_LENGTH,
    EXPIRES_SOON,
    ApiKey,
    ApiKeyQuerySet,
    NewKey,
)
from apikeys.models.expiration import expiry_instant
from apikeys.models.handover import SILENCE, Handover, Lineage
from apikeys.models.notice import Notice
from apikeys.models.origin import KnownOrigin, family_of, network_around

__all__ = [
    "DESCRIPTION_LENGTH",
    "EXPIRES_SOON",
    "SILENCE",
    "ApiKey",
    "ApiKeyQuerySet",
    "Handover",
    "KnownOrigin",
    "Lineage",
    "NewKey",
    "Notice",
    "expiry_instant",
    "family_of",
    "network_around",
]
