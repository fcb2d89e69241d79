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


def is_still_told(notice: Notice) -> bool:
    """Whether the recipient of `notice` would be told of it now, too."""
    api_key = notice.api_key
    if notice.kind in Notice.REMINDERS:
        return notice.recipient.lower() in {address.lower() for address in recipients(api_key)}
    return api_key.organization.members.active().admins().with_user_name(notice.recipient).exists()


def user_names(members: MemberQuerySet) -> list[str]:
    return list(members.order_by("id").values_list("user_name", flat=True))
