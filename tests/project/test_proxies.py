"""Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

from typing import Any

import pytest

from torii_settings.proxies import believing


def seen(peer: str, proxies: list[str]) -> tuple[str, str]:
    """Return the client's address and scheme as the application sees them."""
    environ: dict[str, Any] = {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_FOR": "203.0.113.9",
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    believing(lambda environ, start_response: [], proxies)(environ, None)
    return environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]


@pytest.mark.parametrize("peer", ["10.0.0.7", "::ffff:10.0.0.7", "::ffff:a00:7"])
@pytest.mark.parametrize("proxy", ["10.0.0.7", "10.0.0.0/8"])
def test_a_proxy_is_believed_also_if_a_socket_for_both_kinds_of_address_names_it(peer: str, proxy: str) -> None:
    assert seen(peer, [proxy]) == ("203.0.113.9", "https")


@pytest.mark.parametrize("peer", ["10.0.0.8", "::ffff:10.0.0.8", "2001:db8::7", "::10.0.0.7"])
def test_nobody_else_is(peer: str) -> None:
    assert seen(peer, ["10.0.0.7", "2001:db8::1"]) == (peer, "http")


def test_without_proxies_nobody_is() -> None:
    assert seen("127.0.0.1", []) == ("127.0.0.1", "http")
