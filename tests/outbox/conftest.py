"""A mail server that the mails are really sent to."""

from tests.reminders.conftest import mailbox  # noqa: F401 - a fixture
