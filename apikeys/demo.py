"""The demo's keys, one in every state that the list of keys shows. Nobody has their texts."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apikeys import peppers
from apikeys.models import ApiKey, KnownOrigin
from apikeys.models.expiration import expiry_instant
from apikeys.secret import KeyText
from audit.actor import Actor, Origin
from members.models import Organization

DAY = dt.timedelta(days=1)
OKTA = ("203.0.113.7", "Okta SCIM Client 1.0.0")
STRANGER = Origin("198.51.100.23", "curl/8.5.0")


@dataclass(frozen=True, slots=True)
class Sample:
    """A key as it is now: made and used so long ago, and valid for so long from now, if not for ever."""

    description: str
    kind: ApiKey.Kind
    made: dt.timedelta
    used: dt.timedelta | None
    expires: dt.timedelta | None


PRODUCTION = Sample("Okta production", ApiKey.Kind.SCIM, 40 * DAY, DAY / 720, 325 * DAY)
SAMPLES = (
    PRODUCTION,
    Sample("Okta sandbox", ApiKey.Kind.SCIM, 356 * DAY, DAY / 8, 9 * DAY),
    Sample("Okta trial", ApiKey.Kind.SCIM, 120 * DAY, 21 * DAY, -20 * DAY),
    Sample("Monthly report", ApiKey.Kind.API_READ, 200 * DAY, 3 * DAY, None),
)
ROTATED = Sample("HR export", ApiKey.Kind.API_WRITE, 300 * DAY, DAY / 2, 60 * DAY)


def add_keys(organization: Organization, *, by: Actor) -> ApiKey:
    """Add the keys, and a request that was refused; return the key that the identity provider uses."""
    made = {sample: add(organization, sample, by=by) for sample in (*SAMPLES, ROTATED)}
    made[ROTATED].rotate(description=ROTATED.description, expires_on=None, by=by)
    unused: dict[str, Any] = {"kind": ApiKey.Kind.API_WRITE, "expires_on": None, "by": by}
    ApiKey.generate(organization, description="Lost laptop", **unused).api_key.delete_key(by=by)
    bound = ApiKey.generate(
        organization, description="Offboarding script", allowed_networks=["203.0.113.0/24"], **unused
    ).api_key
    KnownOrigin.objects.meet(bound, STRANGER, timezone.now(), refused=True)
    return made[PRODUCTION]


def add(organization: Organization, sample: Sample, *, by: Actor) -> ApiKey:
    """Insert a key as if it had been generated and used in the past, which `ApiKey.generate` can't do."""
    now = timezone.now()
    text, pepper = KeyText.generate("scim" if sample.kind == ApiKey.Kind.SCIM else "api"), peppers.in_use()
    expires_on = (now + sample.expires).date() if sample.expires else None
    used: dict[str, Any] = {}
    if sample.used:
        ip, user_agent = OKTA
        used = {
            "first_used_at": now - sample.made + DAY,
            "last_used_at": now - sample.used,
            "last_used_ip": ip,
            "last_used_user_agent": user_agent,
        }
    return ApiKey.objects.create(
        organization=organization,
        kind=sample.kind,
        key_id=text.key_id,
        last_four=text.last_four,
        digest=text.digest(pepper),
        pepper=peppers.fingerprint(pepper),
        description=sample.description,
        expires_on=expires_on,
        time_zone=organization.zone_name,
        expires_at=expiry_instant(expires_on, organization) if expires_on else None,
        created_at=now - sample.made,
        created_by_label=by.label,
        **used,
    )
