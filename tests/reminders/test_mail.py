"""What a reminder says."""

import datetime as dt

import pytest

from apikeys.mail import message_id
from apikeys.models import ApiKey, Notice
from audit.actor import Origin
from tests.conftest import SETUP


def parts(mail):
    return [mail.get_body((kind,)).get_content() for kind in ("plain", "html")]


@pytest.fixture
def berlin(acme):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    return acme


def test_the_subject_says_which_key_expires_when(ana, key, run_on):
    key("2027-06-10", description="Okta\n production")
    subjects = [run_on(when)[0]["Subject"] for when in ("2027-05-10", "2027-06-05", "2027-06-09", "2027-06-10")]
    key_name = 'Torii SCIM key "Okta production" of Acme'
    assert subjects == [
        f"{key_name} expires in 31 days, on 10 Jun 2027",
        f"{key_name} expires in 5 days, on 10 Jun 2027",
        f"{key_name} expires tomorrow, on 10 Jun 2027",
        f"{key_name} expired on 10 Jun 2027",
    ]


def test_days_are_counted_by_the_organizations_calendar(acme, ana, key, run_on):
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    key("2027-06-10")
    [mail] = run_on("2027-06-02T12:00Z")  # midnight of 3 June in Auckland
    assert mail["Subject"].endswith("expires in 7 days, on 10 Jun 2027")


def test_the_mail_says_all_there_is_to_know(berlin, ana, key, run_on):
    api_key = key("2027-06-10")
    api_key.record_use(Origin("203.0.113.7"), dt.datetime(2027, 5, 9, 22, 3, tzinfo=dt.UTC))
    [mail] = run_on("2027-05-10")
    for text in parts(mail):
        assert "Okta" in text
        assert api_key.hint in text
        assert "10 Jun 2027, 00:00 (Europe/Berlin)" in text
        assert "10 May 2027, 00:03 (Europe/Berlin), from 203.0.113.7" in text
        assert "From then on Okta" in text
        assert "401" in text
        assert "http://testserver/settings/api-access" in text


def test_a_key_never_used_says_so(ana, key, run_on):
    key("2027-06-10")
    plain, html = parts(run_on("2027-05-10")[0])
    assert "Last used:  never" in plain
    assert "never" in html


def test_an_expired_key_is_spoken_of_in_the_past(ana, key, run_on):
    key("2027-06-10")
    for text in parts(run_on("2027-06-10")[0]):
        assert "Expired" in text
        assert "Since then Okta" in text


@pytest.mark.parametrize("kind", [ApiKey.Kind.API_READ, ApiKey.Kind.API_WRITE])
def test_a_key_of_the_rest_api_speaks_of_scripts(ana, key, run_on, kind):
    key("2027-06-10", kind=kind)
    for text in parts(run_on("2027-05-10")[0]):
        assert "script" in text
        assert "Okta, or" not in text


def test_what_people_wrote_is_escaped_in_html_and_left_alone_in_text(acme, ana, key, run_on):
    acme.edit(domains=acme.domain_names(), name="A & B", by=SETUP)
    key("2027-06-10", description="<b>Okta</b>")
    plain, html = parts(run_on("2027-05-10")[0])
    assert '"<b>Okta</b>" of A & B expires' in plain
    assert "&lt;b&gt;Okta&lt;/b&gt;” of A &amp; B expires" in html
    assert "<b>" not in html


def test_neither_the_key_nor_its_digest_is_in_the_mail(ana, key, run_on, caplog):
    api_key = key("2027-06-10")
    [mail] = run_on("2027-05-10")
    assert api_key.digest not in mail.as_string()
    assert api_key.digest not in caplog.text


def test_nobodys_out_of_office_answers(ana, key, run_on):
    key("2027-06-10")
    [mail] = run_on("2027-05-10")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "settings@torii.example"


def test_the_message_id_differs_by_step_recipient_and_key_and_by_nothing_else(acme, ana, key, run_on):
    key("2027-06-10")
    key("2027-06-10", description="Entra")
    ids = [mail["Message-ID"] for when in ("2027-05-10", "2027-06-03") for mail in run_on(when)]
    assert len(set(ids)) == len(ids) == 4
    assert ids == [message_id(reminder) for reminder in Notice.objects.order_by("id")]
    assert all(text.endswith("@testserver>") for text in ids)
