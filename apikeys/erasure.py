"""What keys and notices hold of a person who is erased."""

from typing import Any

from django.db.models import CharField
from django.db.models.functions import Cast

from apikeys.models import Notice
from audit.erasure import Erasure
from members.models import Organization
from members.signals import person_erased


def connect() -> None:
    """Listen to erasures."""
    person_erased.connect(erase_from_keys, dispatch_uid="apikeys.erasure")


def erase_from_keys(sender: Any, organization: Organization, address: str, erasure: Erasure, **kwargs: Any) -> None:
    """Put the pseudonym beside the keys that the person made, and into what was mailed to them or about them."""
    organization.api_keys.filter(maker_id__in=erasure.ids).update(created_by_label=erasure.pseudonym)
    for api_key in organization.api_keys.filter(erasure.is_in("created_by_label", "description")):
        made_by, description = erasure.text(api_key.created_by_label), erasure.text(api_key.description)
        organization.api_keys.filter(pk=api_key.pk).update(created_by_label=made_by, description=description)
    notices = Notice.objects.filter(organization=organization)
    if erasure.address:
        told = notices.filter(recipient__iexact=address)
        told.waiting().delete()
        told.update(recipient=recipient_of(erasure))
        notices.filter(erasure.is_in("failure")).update(failure="")
    for notice in notices.annotate(as_text=Cast("details", CharField())).filter(erasure.is_in("as_text")):
        details = erasure.value(notice.details)
        if details != notice.details:
            notices.filter(pk=notice.pk).update(details=details)


def recipient_of(erasure: Erasure) -> str:
    """Return what stands for the address to which mails were sent; nobody can have it (RFC 2606 §2)."""
    return f"{erasure.pseudonym.replace(' ', '-').lower()}@erased.invalid"
