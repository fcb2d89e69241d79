"""What is told of a key that was generated, deleted, leaked, or used from somewhere new."""

import datetime as dt

import pytest
import time_machine

from apikeys import leaks
from apikeys.models import ApiKey, KnownOrigin, Notice
from apikeys.secret import KeyText
from audit.actor import Origin
from tests.conftest import ACME, SETUP, new_key
from tests.reminders.conftest import day
from tests.reminders.mailbox import parts

HOME = Origin("198.51.100.7", "Okta SCIM Client 1.0")
AWAY = Origin("203.0.113.7", "curl/8.5.0")


@pytest.fixture
def at():
    """Return a function that does something at a moment."""

    def at(moment, deed, *args, **kwargs):
        with time_machine.travel(day(moment), tick=False):
            return deed(*args, **kwargs)

    return at


@pytest.fixture
def berlin(acme):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    return acme


def test_a_generated_key_says_who_made_what_when_from_where_and_how_to_undo_it(berlin, ana, at, run_on):
    by = ana.actor(Origin("203.0.113.9", "Firefox"))
    made = at(
        "2027-05-10", new_key, berlin, by=by, expires_on=dt.date(2027, 6, 10), allowed_networks=["198.51.100.0/24"]
    ).api_key
    [mail] = run_on("2027-05-10")
    assert mail["Subject"] == 'Torii SCIM key "Okta" of Acme was generated'
    for text in parts(mail):
        assert made.hint in text
        assert "10 May 2027, 14:00 (Europe/Berlin, UTC+02:00), by Ana Admin" in text
        assert "203.0.113.9, Firefox" in text
        assert "10 Jun 2027, 00:00 (Europe/Berlin, UTC+02:00)" in text
        assert "198.51.100.0/24" in text
        assert "create, change and deactivate the people in Acme" in text
        assert "If you don’t, delete it" in text
        assert f"http://localhost{ACME}/api-access/keys/{made.key_id}" in text


WAITS = "SCIM is off. Until an Admin turns it on in Settings > Security, the key gets 403 for every request."


@pytest.mark.parametrize("kind", ["scim", "api_read"])
@pytest.mark.parametrize("is_on", [True, False])
def test_mails_about_a_scim_key_that_works_say_that_scim_is_off_while_it_is(acme, ana, at, run_on, kind, is_on):
    at("2027-05-10", new_key, acme, kind, expires_on=dt.date(2027, 6, 15))
    if not is_on:
        acme.disable_scim(by=SETUP)
    [generated] = run_on("2027-05-10")
    [reminder] = run_on("2027-05-16")
    for mail in (generated, reminder):
        for text in parts(mail):
            assert (WAITS.replace(">", "&gt;") in text or WAITS in text) is (kind == "scim" and not is_on)
    assert not any("SCIM is off" in text for mail in run_on("2027-06-15") for text in parts(mail))


@pytest.mark.parametrize(
    ("kind", "may"), [("api_read", "can read the settings"), ("api_write", "can read and change the settings")]
)
def test_a_generated_key_of_the_rest_api_says_what_it_opens(acme, ana, at, run_on, kind, may):
    at("2027-05-10", new_key, acme, kind=kind)
    for text in parts(run_on("2027-05-10")[0]):
        assert may in text
        assert "everywhere" in text
        assert "never" in text


def test_a_generated_key_that_is_gone_says_so(acme, ana, at, run_on):
    made = at("2027-05-10", new_key, acme).api_key
    at("2027-05-11", made.delete_key, by=SETUP)
    for text in parts(run_on("2027-05-12")[0]):
        assert "It has been deleted since: 11 May 2027, 12:00 (UTC)." in text
        assert "delete it" not in text.replace("or delete it", "")


def test_a_successor_names_the_key_that_it_replaces(acme, ana, key, at, run_on):
    old = key("2027-06-10")
    at("2027-05-01", old.rotate, description="Okta", expires_on=None, by=SETUP)
    for text in parts(run_on("2027-05-01")[0]):
        assert old.hint in text


def test_a_deleted_key_says_who_when_why_and_what_happens(berlin, ana, key, at, run_on):
    api_key = key("2027-06-10")
    api_key.record_use(HOME, day("2027-02-01"))
    by = ana.actor(Origin("203.0.113.9", "Firefox"))
    at("2027-03-01", api_key.delete_key, by=by, reason="not needed")
    [mail] = run_on("2027-03-02")
    assert mail["Subject"] == 'Torii SCIM key "Okta" of Acme was deleted'
    for text in parts(mail):
        assert "1 Mar 2027, 13:00 (Europe/Berlin, UTC+01:00), by Ana Admin" in text
        assert "not needed" in text
        assert "203.0.113.9" in text
        assert "gets 401" in text
        assert "24 hours" not in text


def test_a_deleted_key_that_was_in_use_warns(acme, ana, key, at, run_on):
    api_key = key("2027-06-10")
    api_key.record_use(HOME, day("2027-03-01T01:00Z"))
    at("2027-03-01", api_key.delete_key, by=SETUP)
    for text in parts(run_on("2027-03-02")[0]):
        assert "It was used in the last 24 hours before that" in text


def test_a_key_that_was_replaced_says_by_which(acme, ana, key, at, run_on):
    old = key("2027-06-10")
    new = at("2027-05-01", old.rotate, description="Okta", expires_on=None, by=SETUP, delete_when_silent=True).api_key
    new.notices.all().delete()
    new.record_use(HOME, day("2027-05-01T13:00Z"))
    old.delete_if_replaced(by=SETUP, now=day("2027-05-03"))
    for text in parts(run_on("2030-01-01")[0]):
        assert f"replaced by {new.hint}" in text


def test_a_leaked_key_says_where_it_was_found_and_what_to_do(acme, ana, at, run_on):
    made = at("2027-05-10", new_key, acme)
    made.api_key.notices.all().delete()
    found = "https://git.example/acme/config?a=1&b=<2>"
    assert at("2027-05-11", leaks.report, KeyText.parse(made.text), found, AWAY)
    [mail] = run_on("2027-05-11")
    assert mail["Subject"] == 'Torii SCIM key "Okta" of Acme was found in public and deleted'
    plain, html = parts(mail)
    assert found in plain
    assert "https://git.example/acme/config?a=1&amp;b=&lt;2&gt;" in html
    for text in (plain, html):
        assert "11 May 2027, 12:00 (UTC), at once" in text
        assert f"http://localhost{ACME}/api-access/keys/new" in text
        assert "Remove the old one from where it was found" in text


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ([], ("It was never used, so nothing stops working.", "which exists already")),
        (["old"], ("Since then Okta, or whichever", "which exists already")),
        (["old", "new"], ("is in use.", "Somebody else may have used it before.")),
    ],
)
def test_a_leaked_key_that_is_being_replaced_asks_for_no_other(acme, ana, key, at, run_on, use, said):
    old = key("2027-06-10")
    new = at("2027-05-01", old.rotate, description="Okta", expires_on=None, by=SETUP).api_key
    for api_key in [{"old": old, "new": new}[name] for name in use]:
        api_key.record_use(HOME, day("2027-05-01T13:00Z"))
    Notice.objects.all().delete()
    at("2027-05-02", old.delete_key, by=SETUP, kind=Notice.Kind.LEAKED)
    for text in parts(run_on("2027-05-02")[0]):
        assert all(words in text for words in said)
        assert "Generate a new key" not in text
        assert ("Somebody else may have used it" in text) == bool(use)
        assert ("gets 401" in text) == (use == ["old"])


def test_a_new_origin_says_what_is_new_and_what_to_do(acme, ana, key, at, run_on):
    api_key = key("2027-06-10")
    KnownOrigin.objects.meet(api_key, HOME, day("2027-03-01"))
    KnownOrigin.objects.meet(api_key, AWAY, day("2027-03-02"))
    [mail] = run_on("2027-03-02")
    assert mail["Subject"] == 'Torii SCIM key "Okta" of Acme was used from somewhere new'
    for text in parts(mail):
        assert "203.0.113.0/24, first used 2 Mar 2027, 12:00 (UTC)" in text
        assert "curl, first used" in text
        assert "198.51.100" not in text
        assert "refused" not in text
        assert f"http://localhost{ACME}/api-access/keys/{api_key.key_id}" in text


def test_a_refused_origin_says_that_it_was_refused(acme, ana, key, run_on):
    api_key = key("2027-06-10", allowed_networks=["198.51.100.0/24"])
    KnownOrigin.objects.meet(api_key, HOME, day("2027-03-01"))
    KnownOrigin.objects.meet(api_key, AWAY, day("2027-03-02"), refused=True)
    [mail] = run_on("2027-03-02")
    assert mail["Subject"] == 'Torii SCIM key "Okta" of Acme was tried from somewhere new'
    for text in parts(mail):
        assert "203.0.113.0/24, refused 2 Mar 2027" in text
        assert "It was refused there" in text


def test_many_new_origins_are_not_all_listed(acme, ana, key, run_on):
    api_key = key("2027-06-10")
    KnownOrigin.objects.meet(api_key, HOME, day("2027-03-01"))
    for number in range(30):
        KnownOrigin.objects.meet(api_key, Origin(f"203.0.{number}.1", "x"), day("2027-03-02"))
    [mail] = run_on("2027-03-02")
    for text in parts(mail):
        assert text.count("first used") == 10
        assert "more, on the key’s page" in text


def test_a_new_origin_of_a_key_that_is_gone_asks_for_nothing(acme, ana, key, at, run_on):
    api_key = key("2027-06-10")
    KnownOrigin.objects.meet(api_key, HOME, day("2027-03-01"))
    KnownOrigin.objects.meet(api_key, AWAY, day("2027-03-02"))
    at("2027-03-03", api_key.delete_key, by=SETUP)
    for text in parts(run_on("2027-03-04")[0]):
        assert "Nothing: the key has been deleted since" in text


def test_no_mail_has_the_keys_text_or_what_is_stored_of_it(acme, ana, at, run_on, caplog):
    made = at("2027-01-01", new_key, acme, expires_on=dt.date(2027, 6, 10))
    api_key, secrets = made.api_key, [made.text, made.text.rpartition("_")[2], made.api_key.digest]
    KnownOrigin.objects.meet(api_key, HOME, day("2027-03-01"))
    KnownOrigin.objects.meet(api_key, AWAY, day("2027-03-02"))
    moments = ("2027-03-02", "2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10")
    mails = [mail for moment in moments for mail in run_on(moment)]
    at("2027-06-11", api_key.delete_key, by=SETUP, kind=Notice.Kind.LEAKED)
    mails += run_on("2027-06-11")
    assert len(mails) == 7
    for mail in mails:
        whole = mail.as_string() + "".join(part.get_content() for part in mail.walk() if not part.is_multipart())
        assert not any(secret in whole for secret in secrets)
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@localhost>")
    assert not any(secret in caplog.text for secret in secrets)


@pytest.mark.parametrize("kind", Notice.Kind)
def test_every_kind_of_notice_has_a_letter_in_text_and_html(acme, ana, key, run_on, kind):
    api_key = key("2027-06-10")
    Notice.objects.add(api_key, kind, ["ana@acme.example"], now=day("2027-05-10"))
    when = {"month": "2027-05-10", "week": "2027-06-03", "day": "2027-06-09", "expiry": "2027-06-10"}
    [mail] = run_on(when.get(kind, "2027-05-09"))
    assert ApiKey.Kind.SCIM.label in mail["Subject"]
    for text in parts(mail):
        assert api_key.hint in text
        assert "{" not in text.partition("</style>")[2]
