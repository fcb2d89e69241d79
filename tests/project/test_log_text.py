"""What is taken out of the text of a log line."""

import pytest

from torii_settings.logs import take_addresses_out


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("mail to ana@acme.example", "mail to …@…"),
        ("<ana+1@acme.example>, 'emil@sub.acme.example'", "<…@…>, '…@…'"),
        ("a*@acme.example *b@acme.example", "…@… …@…"),
        # The names of a worker and of a broker are nobody's addresses.
        ("celery@host ready", "celery@host ready"),
        ("Connected to redis://:**@10.0.0.7:6379/0", "Connected to redis://:**@10.0.0.7:6379/0"),
        ("Cannot connect to rediss://torii:**@redis.example.com:6379//", None),
    ],
)
def test_addresses_are_and_places_are_not(said: str, written: str | None) -> None:
    assert take_addresses_out(None, "", {"event": said})["event"] == (written or said)
