"""Each of these tests starts on a fresh connection to PostgreSQL, beside somebody who disturbs it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from members.models import Member, Organization
from tests.conftest import new_key
from tests.disturbances.callers import Caller
from tests.disturbing import Other, other_connection, restore_types
from torii_settings.postgresql.base import DatabaseWrapper


@pytest.fixture(autouse=True)
def postgresql(transactional_db: None, settings: Any) -> Iterator[None]:
    """Start on a fresh connection with the fast cursor, and leave others no connection that these tests have marked."""
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")
    settings.DATABASE_FAST_CURSOR = settings.DATABASE_PREPARE = True
    connection.close()
    yield
    connection.close()


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def either_cursor(request: pytest.FixtureRequest, settings: Any) -> None:
    """Run the test with either cursor under our statements."""
    settings.DATABASE_FAST_CURSOR = request.param


@pytest.fixture
def other() -> Iterator[Other]:
    with other_connection() as made:
        yield made
        restore_types(made)


@pytest.fixture
def idp(acme: Organization) -> Caller:
    return Caller(Authorization=f"Bearer {new_key(acme).text}")


@pytest.fixture
def script(acme: Organization) -> Caller:
    return Caller(Authorization=f"Bearer {new_key(acme, 'api_write').text}")


@pytest.fixture
def browser(ana: Member, sign_in: Any) -> Caller:
    cookies = sign_in(ana).cookies
    return Caller(Cookie=f"sessionid={cookies['sessionid'].value}; csrftoken={'a' * 32}")


@pytest.fixture
def in_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Callable[[], None]], None]], None]:
    """Return a function that has a step of the next COMMIT done by another function, which is given the step."""

    def done_by(step: str, do: Callable[[Callable[[], None]], None]) -> None:
        original = getattr(DatabaseWrapper, step)

        def once(self: DatabaseWrapper) -> None:
            monkeypatch.setattr(DatabaseWrapper, step, original)
            do(lambda: original(self))

        monkeypatch.setattr(DatabaseWrapper, step, once)

    return done_by
