"""How long it is kept who was told what of a key, and from where keys were used that are dead."""

import datetime as dt

from django.conf import settings
from django.db.models import Q

from apikeys.models import KnownOrigin, Notice
from lib.purge import purge


def forget(now: dt.datetime) -> int:
    """Delete what has been kept for long enough; return how many rows went."""
    return forget_notices(now, settings.RETAIN_NOTICES) + forget_origins(now, settings.RETAIN_ORIGINS)


def forget_notices(now: dt.datetime, seconds: int) -> int:
    """Delete notices that were sent or given up, and are older than that; 0 keeps them for ever.

    The reminders of a key that lives, or whose expiry nobody has been told of, stay: they say what needn't be told
    again.
    """
    if not seconds:
        return 0
    before = now - dt.timedelta(seconds=seconds)
    is_no_reminder = ~Q(kind__in=Notice.REMINDERS)
    is_past = Q(api_key__expires_at__lt=before, api_key__reminder_owed_at=None) & ~Q(api_key__expiry_recorded_at=None)
    finished = Notice.objects.filter(created_at__lt=before).exclude(sent_at=None, failed_at=None)
    return purge(finished.filter(is_no_reminder | Q(api_key__deleted_at__lt=before) | is_past))


def forget_origins(now: dt.datetime, seconds: int) -> int:
    """Delete from where keys were used that have been deleted or expired for that long; 0 keeps it for ever.

    Of a key that lives, its origins stay: without them its next call would come from somewhere new.
    """
    if not seconds:
        return 0
    before = now - dt.timedelta(seconds=seconds)
    return purge(KnownOrigin.objects.filter(Q(api_key__deleted_at__lt=before) | Q(api_key__expires_at__lt=before)))
