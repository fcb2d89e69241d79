"""Who sends a request, as far as a process remembers."""

from types import SimpleNamespace
from typing import Any

import pytest

from torii_settings import callers
from torii_settings.callers import NOBODY, Caller, Callers

MACHINE = {"PATH_INFO": "/scim/v2/Users", "HTTP_AUTHORIZATION": "Bearer torii_scim_x", "REMOTE_ADDR": "192.0.2.1"}
BROWSER = {"PATH_INFO": "/settings/members/", "HTTP_COOKIE": "a=b; sessionid=s; c=d", "REMOTE_ADDR": "192.0.2.1"}


def let_in(**request: Any) -> Any:
    return SimpleNamespace(organization=SimpleNamespace(public_id="acme"), **request)


KEY = let_in(known_key=SimpleNamespace(key_id="k1"))


def test_a_key_is_known_once_it_has_been_let_in():
    known = Callers()
    stranger = known.of(MACHINE)
    assert (stranger.organization, stranger.key_id) == (None, None)
    assert stranger.name
    known.learn(MACHINE, KEY)
    assert known.of(MACHINE) == Caller("k1", "acme", "k1")
    # However it is written, once that has been let in too.
    other = MACHINE | {"HTTP_AUTHORIZATION": "bearer  torii_scim_x"}
    assert known.of(other).organization is None
    known.learn(other, KEY)
    assert known.of(other) == known.of(MACHINE)


def test_a_session_is_known_by_its_cookie_alone():
    known = Callers()
    known.learn(BROWSER, let_in())
    caller = known.of(BROWSER | {"HTTP_COOKIE": "sessionid=s"})
    assert (caller.organization, caller.key_id) == ("acme", None)
    assert known.of(BROWSER | {"HTTP_COOKIE": "xsessionid=s"}) == NOBODY


@pytest.mark.parametrize("request_seen", [None, SimpleNamespace(known_key=KEY.known_key)])
def test_what_is_refused_makes_nobody_known(request_seen: Any):
    known = Callers()
    known.learn(MACHINE, request_seen)
    assert known.of(MACHINE).organization is None


def test_a_key_from_another_address_is_a_strangers():
    known = Callers()
    known.learn(MACHINE, KEY)
    thief = known.of(MACHINE | {"REMOTE_ADDR": "198.51.100.9"})
    assert thief.organization is None
    assert thief.name not in (None, "k1")


def test_requests_without_key_or_session_have_one_caller():
    known = Callers()
    known.learn({"PATH_INFO": "/"}, let_in())
    assert [known.of(environ) for environ in ({"PATH_INFO": "/"}, {"PATH_INFO": "/scim/v2/Users"}, {})] == [NOBODY] * 3


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(callers, "REMEMBERED", 2)
    known = Callers()
    environs = [MACHINE | {"REMOTE_ADDR": f"192.0.2.{number}"} for number in range(3)]
    for environ in environs:
        known.learn(environ, KEY)
    assert [known.of(environ).organization for environ in environs] == [None, "acme", "acme"]
