"""`/healthz` and `/readyz`, as a load balancer asks them."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client


@pytest.mark.django_db
def test_a_ready_service_says_so(client: Client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "database": "ok", "broker": "ok"}


def test_a_service_without_its_database_is_alive_but_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch):
    def down(*args: Any) -> None:
        raise OperationalError("password=secret host=inside")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", down)
    monkeypatch.setattr("torii_settings.health.connection.cursor", down)

    response = client.get("/readyz")

    assert client.get("/healthz").status_code == 200
    assert response.status_code == 503
    assert response.json()["database"] == "unreachable"
    assert b"secret" not in response.content


def test_a_service_without_its_broker_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch, db: None):
    monkeypatch.setattr("torii_settings.health.app.conf.broker_url", "redis://127.0.0.1:1")
    monkeypatch.setattr("torii_settings.health.app.connection_for_write", broken)

    assert client.get("/readyz").json()["broker"] == "unreachable"


def broken(**kwargs: Any) -> None:
    raise ConnectionError
