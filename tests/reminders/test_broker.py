"""A broker that can't be reached neither fails nor holds up the request that asks for something to be sent."""

import socket
import time

import pytest

from apikeys.models import Notice
from apikeys.tasks import deliver_notices
from tests.conftest import new_key
from tests.services import free_port
from torii_settings.celery import app, start_soon

TOO_LONG = 1.0


@pytest.fixture
def broker_at(monkeypatch):
    """Return a function that has the broker be at a port of this machine."""
    return lambda port: monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{port}")


@pytest.fixture
def silent_port():
    """Return a port at which somebody listens and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def asked_for(caplog):
    start = time.monotonic()
    start_soon(deliver_notices)
    assert "is not started: the broker can't be reached" in caplog.text
    return time.monotonic() - start


def test_a_broker_that_is_down_is_given_up_at_once(broker_at, caplog):
    broker_at(free_port())
    assert asked_for(caplog) < TOO_LONG


def test_a_broker_that_says_nothing_is_given_up_soon(broker_at, silent_port, caplog):
    broker_at(silent_port)
    assert asked_for(caplog) < TOO_LONG


@pytest.mark.django_db(transaction=True)
def test_a_key_is_generated_and_told_of_later_when_the_broker_is_down(acme, ana, broker_at):
    broker_at(free_port())
    start = time.monotonic()
    new_key(acme)
    assert time.monotonic() - start < TOO_LONG
    assert Notice.objects.waiting().get().recipient == "ana@acme.example"
