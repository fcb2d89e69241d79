"""What becomes of the keys that a member has made, once that member may make none any more.

Only Admins make keys, so this is asked only when an Admin leaves: is demoted, deactivated or removed, through whichever
door. It happens in the transaction of that. A REST key then does no more than its maker may (`apikeys.models.power`);
a SCIM key keeps working, because provisioning must not stop when somebody changes jobs. All Admins get a mail. If
the organization's policy says so, the keys are deleted.
"""

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from apikeys.models import ApiKey
from audit.actor import Actor
from audit.models import Action, Event
from members.models import Member, Organization
from members.signals import admins_left
from outbox.models import OutgoingMail, one_line


def connect() -> None:
    """Listen to Admins who leave."""
    admins_left.connect(note_makers, dispatch_uid="apikeys.makers")


def name_makers() -> int:
    """Note who made each key for which that is missing; return for how many it was.

    The release before doesn't note it, and makes keys as long as it serves beside this one. Until it is noted, the
    row of the member says so too, but that may be removed.
    """
    unnamed = ApiKey.objects.existing().filter(maker_id=None).exclude(created_by=None)
    return unnamed.update(maker_id=F("created_by_id"))


def note_makers(sender: Any, organization: Organization, members: Sequence[Member], by: Actor, **kwargs: Any) -> None:
    """Do for each of `members`, who are Admins no more, what is to be done about the keys that they have made."""
    made = organization.api_keys.live(timezone.now()).filter(maker_id__in=[member.pk for member in members])
    keys: dict[Any, list[ApiKey]] = {}
    for api_key in made.order_by("pk"):
        keys.setdefault(api_key.maker_id, []).append(api_key)
    leaving = {member.pk for member in members}
    for member in members:
        if member.pk in keys:
            note_maker(member, keys[member.pk], leaving, by)


def note_maker(maker: Member, keys: Sequence[ApiKey], leaving: set[Any], by: Actor) -> None:
    """Record that the maker of `keys` has left, and end the keys or tell the Admins who stay."""
    organization = maker.organization
    if organization.keys_end_with_maker:
        for api_key in keys:
            api_key.end_with_maker(maker.full_name, by=by)
        return
    for api_key in keys:
        Event.record(Action.API_KEY_MAKER_LEFT, organization, by=by, target=api_key, changes={"maker": maker.full_name})
    admins = organization.members.active().admins().exclude(pk__in=leaving).order_by("pk")
    addresses = admins.values_list("user_name", flat=True)
    OutgoingMail.objects.write_down(makers_mail(maker, keys, by, address) for address in addresses)


def makers_mail(maker: Member, keys: Sequence[ApiKey], by: Actor, address: str) -> EmailMultiAlternatives:
    """Return the mail that tells the Admin at `address` which keys were made by somebody who is no Admin any more."""
    organization = maker.organization
    name, count = one_line(maker.full_name), len(keys)
    subject = f"{name}, who made {count} API key{'' if count == 1 else 's'} of {organization}, is no longer an Admin"
    context = {
        "subject": subject,
        "organization": organization,
        "maker": name,
        "address": maker.user_name,
        "by": by.label,
        "facts": [
            {"label": api_key.get_kind_display(), "value": f"{one_line(api_key.description)} ({api_key.hint})"}
            for api_key in keys
        ],
        "has_scim": any(api_key.kind == ApiKey.Kind.SCIM for api_key in keys),
        "has_api": any(api_key.kind != ApiKey.Kind.SCIM for api_key in keys),
        "keys_url": organization.settings_url("api-access"),
    }
    mail = EmailMultiAlternatives(
        subject=subject, body=render_to_string("apikeys/mail/makers.txt", context), to=[address]
    )
    mail.attach_alternative(render_to_string("apikeys/mail/makers.html", context), "text/html")
    return mail
