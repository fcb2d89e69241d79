"""To erase a person: what an organization holds of somebody goes, and what has to stay says a pseudonym.

Removing a member leaves their address and names in the audit log, with the keys they made, in mails and in the login
table. Somebody may ask for more, before or after they were removed: docs/decisions/0067-erasure.md says what goes.
"""

import secrets
from typing import TYPE_CHECKING

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import CharField, Exists, Model, OuterRef
from django.db.models.functions import Cast, Lower
from django.utils import timezone

from audit.erasure import Erasure, erase_from_log, ids_in_log, names_in_log
from audit.models import Action, Actor, Event
from members.errors import NobodyToErase, OwnErasure
from members.models import Job, Member, NewAdmin, Organization, Scope, User
from members.models.power import check
from members.models.role import ADMIN, role_named
from members.signals import person_erased
from outbox.models import OutgoingMail

if TYPE_CHECKING:
    from collections.abc import Iterable


def erase_person(organization: Organization, address: str, *, by: Actor, keep_member: bool = False) -> str:
    """Erase everybody whom `organization` knows by an e-mail address, and return the pseudonym that stays.

    A member who is there is removed first; with `keep_member` they stay, and only who had the address before goes. All
    of it is one transaction. Raises NobodyToErase, OwnErasure, LastAdmin, and BeyondPower for all but Admins.
    """
    with transaction.atomic():
        member = organization.members.with_user_name(address).first()
        ids = ids_in_log(organization.pk, address) | ({str(member.pk)} if member else set())
        if member and keep_member:
            ids.discard(str(member.pk))
        if not ids:
            raise NobodyToErase(address)
        if by.id in ids or (by.maker_id and str(by.maker_id) in ids):
            raise OwnErasure
        if member and not keep_member:
            names = {member.full_name, f"{member.given_name} {member.family_name}".strip()}
            member.remove(by=by)
        else:
            names = set()
        organization.lock_admins()
        check(by, Scope.MEMBERS, role_named(organization, ADMIN))
        frozen = frozenset(ids)
        erasure = Erasure(
            pseudonym=f"erased person {secrets.token_hex(3).upper()}",
            ids=frozen,
            address=None if member and keep_member else address,
            names=frozenset((names | names_in_log(organization.pk, frozen)) - {"", address}),
        )
        erase_rows(organization, address, erasure)
        person_erased.send(Organization, organization=organization, address=address, erasure=erasure)
        erase_from_log(organization.pk, erasure)
        forget_login(address, erasure)
        Event.record(
            Action.PERSON_ERASED, organization, by=by, target=organization, changes={"person": erasure.pseudonym}
        )
    return erasure.pseudonym


def erase_rows(organization: Organization, address: str, erasure: Erasure) -> None:
    """Put the pseudonym into what this app keeps of a person."""
    organization.refresh_from_db(fields=["scim_enabled_by", "reminder_contact"])
    organization.scim_enabled_by = erasure.text(organization.scim_enabled_by)
    if erasure.address and organization.reminder_contact.lower() == erasure.address.lower():
        organization.reminder_contact = ""
    organization.save(update_fields=["scim_enabled_by", "reminder_contact"])
    jobs = Job.objects.filter(organization=organization, actor_id__in=erasure.ids)
    jobs.update(actor_label=erasure.pseudonym, ip=None, user_agent="")
    NewAdmin.objects.filter(organization=organization, user_name__iexact=address).delete()
    rewrite_attributes(organization, erasure)
    rewrite_mails(organization, erasure)
    rewrite_history(Member, erasure.ids, erasure)


def rewrite_attributes(organization: Organization, erasure: Erasure) -> None:
    """Put the pseudonym into what the directory says of others, as who their manager is."""
    members = organization.members.annotate(as_text=Cast("attributes", CharField()))
    for member in members.filter(erasure.is_in("as_text")):
        attributes = erasure.value(member.attributes)
        if attributes != member.attributes:
            organization.members.filter(pk=member.pk).update(attributes=attributes, updated_at=timezone.now())


def rewrite_mails(organization: Organization, erasure: Erasure) -> None:
    """Put the pseudonym into the mails to the organization's people that wait to be sent."""
    people = Member.objects.filter(organization=organization, user_name__lower=Lower(OuterRef("recipient")))
    for mail in OutgoingMail.objects.filter(erasure.is_in("subject", "text"), Exists(people)):
        mail.subject, mail.text, mail.html = map(erasure.within, (mail.subject, mail.text, mail.html))
        mail.save(update_fields=["subject", "text", "html"])


def forget_login(address: str, erasure: Erasure) -> None:
    """Delete the login of somebody who is a member nowhere any more, and mails to them; that of staff stays.

    A login that somebody else goes on using loses its name.
    """
    logins = User.objects.filter(email=address.lower(), is_staff=False)
    if Member.objects.with_user_name(address).exists():
        logins.update(first_name="", last_name="")
        return
    OutgoingMail.objects.filter(recipient__iexact=address).delete()
    rewrite_history(User, [str(user.pk) for user in logins], erasure)
    logins.delete()


def rewrite_history(model: type[Model], ids: "Iterable[str]", erasure: Erasure) -> None:
    """Put the pseudonym into what Django keeps of the changes that staff have made in the staff admin."""
    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=list(ids)).update(object_repr=erasure.pseudonym)


def erase_everywhere(address: str, *, by: Actor) -> "Iterable[tuple[Organization, str]]":
    """Erase a person from every organization that knows the address; yield each and the pseudonym there."""
    for organization in Organization.objects.order_by("pk"):
        try:
            yield organization, erase_person(organization, address, by=by)
        except NobodyToErase:
            continue
