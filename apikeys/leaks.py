"""A key that was found where it should not be is deleted, whoever says so: its text is the proof."""

from apikeys.models import ApiKey, Notice
from apikeys.secret import KeyText
from audit.actor import Actor, Origin

REPORTER = "leaked-key report"
FOUND_AT_LENGTH = 500


def report(text: KeyText, found_at: str, origin: Origin) -> bool:
    """Delete the key that `text` spells and tell the Admins; return whether there was one.

    `found_at` says where it was found, as a URL or nothing; `origin` is whoever reports it. An expired key goes too.
    """
    api_key = ApiKey.objects.with_text(text).select_related("organization").first()
    if api_key is None:
        return False
    return api_key.delete_key(
        by=Actor.system(REPORTER, origin),
        kind=Notice.Kind.LEAKED,
        reason=f"found at {found_at[:FOUND_AT_LENGTH]}" if found_at else "found in public",
    )
