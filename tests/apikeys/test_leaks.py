"""A key found in public is deleted at once, whoever reports it, and the Admins are told."""

from apikeys import leaks
from apikeys.models import ApiKey, NewKey, Notice
from apikeys.secret import KeyText
from audit.actor import Origin
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import SETUP, new_key

SCANNER = Origin("192.0.2.1", "scanner/1")
FOUND_AT = "https://git.example/acme/infra/blob/main/.env"


def report(key: NewKey, found_at: str = FOUND_AT) -> bool:
    text = KeyText.parse(key.text)
    assert text is not None
    return leaks.report(text, found_at, SCANNER)


def test_a_reported_key_is_deleted_and_the_admins_are_told(acme: Organization, ana: Member) -> None:
    key, other = new_key(acme), new_key(acme)

    assert report(key)

    assert list(acme.api_keys.existing()) == [other.api_key]
    event = acme.events.get(action=Action.API_KEY_DELETED)
    assert (event.actor_label, event.ip) == ("leaked-key report", "192.0.2.1")
    assert event.changes == {"reason": f"found at {FOUND_AT}"}
    notice = Notice.objects.get(kind="leaked")
    assert (notice.api_key, notice.recipient) == (key.api_key, "ana@acme.example")
    assert notice.details["reason"] == f"found at {FOUND_AT}"
    assert not Notice.objects.filter(kind="deleted").exists()


def test_a_second_report_finds_nothing(acme: Organization, ana: Member) -> None:
    key = new_key(acme)
    assert report(key)
    assert not report(key)
    assert Notice.objects.filter(kind="leaked").count() == 1


def test_a_key_that_was_never_made_is_not_found(acme: Organization) -> None:
    assert not leaks.report(KeyText.generate("scim"), "", SCANNER)


def test_a_key_under_an_older_pepper_is_found(acme: Organization, settings) -> None:
    settings.API_KEY_PEPPERS = ["old"]
    key = new_key(acme)
    settings.API_KEY_PEPPERS = ["new", "old"]
    assert report(key)


def test_a_deleted_key_stays_deleted_by_whom_it_was(acme: Organization) -> None:
    key = new_key(acme)
    key.api_key.delete_key(by=SETUP)
    assert not report(key)
    assert acme.events.get(action=Action.API_KEY_DELETED).actor_label == "tests"
    assert ApiKey.objects.get().digest is None
