"""A broker that can't be reached neither fails nor holds up the request that asks for something to be sent."""

import socket
import time

import pytest
import redis
from django.conf import settings

from apikeys.models import Notice
from apikeys.tasks import deliver_notices
from tests import services
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


@pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside Redis")
@pytest.mark.parametrize("fault", ["replica", "full", "hanging"])
def test_a_redis_that_answers_with_an_error_or_not_at_all_is_given_up_soon(broker_at, caplog, fault):
    with services.redis() as server, redis.Redis.from_url(server.url) as client:
        broker_at(client.get_connection_kwargs()["port"])
        start_soon(deliver_notices)
        assert client.llen("celery") == 1
        if fault == "replica":
            client.replicaof("127.0.0.1", "1")
        elif fault == "full":
            client.config_set("maxmemory", "1")
        else:
            server.hang()
        try:
            assert asked_for(caplog) < TOO_LONG
            # The breaker is open: nobody waits again.
            start = time.monotonic()
            for _ in range(100):
                start_soon(deliver_notices)
            assert time.monotonic() - start < TOO_LONG
        finally:
            server.go_on()


@pytest.mark.django_db(transaction=True)
def test_a_key_is_generated_and_told_of_later_when_the_broker_is_down(acme, ana, broker_at):
    broker_at(free_port())
    start = time.monotonic()
    new_key(acme)
    assert time.monotonic() - start < TOO_LONG
    assert Notice.objects.waiting().get().recipient == "ana@acme.example"
