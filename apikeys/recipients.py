"""Who is told about a key: active Admins of everything, of its expiry also who made it and the contact address."""

from apikeys.models import ApiKey, Notice
from apikeys.models.notice import distinct
from members.models import MemberQuerySet


def recipients(api_key: ApiKey) -> list[str]:
    """Return the addresses to remind of the expiry of `api_key`, each once without regard to case.

    They are those of every active Admin, of who made the key if they are still an active member, and the
    organization's contact address.
    """
    active = api_key.organization.members.active()
    members = active.admins()
    if api_key.created_by_id is not None:
        members = members | active.filter(pk=api_key.created_by_id)
    return distinct([*user_names(members), api_key.organization.reminder_contact])


def admins(api_key: ApiKey) -> list[str]:
    """Return the addresses of every active Admin."""
    return distinct(user_names(api_key.organization.members.active().admins()))


def is_still_told(notice: Notice) -> bool:
    """Whether the recipient of `notice` would be told of it now, too."""
    told = recipients if notice.kind in Notice.REMINDERS else admins
    return notice.recipient.lower() in {address.lower() for address in told(notice.api_key)}


def is_known_to_another(notice: Notice) -> bool:
    """Whether somebody besides the recipient of `notice` has been told of the same, or will be."""
    same = notice.api_key.notices.filter(kind=notice.kind, occasion=notice.occasion).exclude(pk=notice.pk)
    return any(other.sent_at is not None or (other.is_waiting and is_still_told(other)) for other in same)


def user_names(members: MemberQuerySet) -> list[str]:
    return list(members.order_by("id").values_list("user_name", flat=True))
