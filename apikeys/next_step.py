"""How far an organization is on the way to being provisioned: SCIM on, a key, the key pasted, the first request."""

import datetime as dt
from dataclasses import dataclass

from django.db import models
from django.db.models import F

from apikeys.models import ApiKey
from members.models import Organization


class Step(models.TextChoices):
    """What comes next."""

    TURN_ON = "turn on", "Keys wait for SCIM"
    GENERATE = "generate", "Generate a key"
    PASTE = "paste", "Paste the key"
    CONNECTED = "connected", "Nothing: requests come"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step, and the key that it is about: for CONNECTED the one that was used last."""

    step: Step
    api_key: ApiKey | None = None


def next_step(organization: Organization, now: dt.datetime) -> NextStep | None:
    """Return what comes next for `organization`; None while SCIM is off and no key waits for it."""
    keys = organization.api_keys.scim().live(now)
    api_key = keys.order_by(F("last_used_at").desc(nulls_last=True), "-id").first()
    if not organization.scim_enabled:
        return NextStep(Step.TURN_ON, api_key) if api_key else None
    if api_key is None:
        return NextStep(Step.GENERATE)
    return NextStep(Step.CONNECTED if api_key.last_used_at else Step.PASTE, api_key)
