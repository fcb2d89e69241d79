"""Proxies that are believed: what they say of the client's address and scheme holds, from anyone else it means nothing.

A proxy that sends `X-Forwarded-Proto` has to send `X-Forwarded-For` too.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from granian.utils.proxies import wrap_wsgi_with_proxy_headers

# The first bits of an IPv6 address that stands for one of IPv4 (RFC 4291 §2.5.5.2).
MAPPED_PREFIX = "::ffff:"
MAPPED_BITS = 96


def believing(application: Any, proxies: list[str]) -> Any:
    """Return the WSGI application, which takes address and scheme from the headers of `proxies`, if there are any."""
    if not proxies:
        return application
    return wrap_wsgi_with_proxy_headers(application, trusted_hosts=[*proxies, *filter(None, map(mapped, proxies))])


def mapped(proxy: str) -> str | None:
    """Return how a socket that listens on `::`, for both kinds of address, names an IPv4 address or network."""
    network: IPv4Network | IPv6Network = ip_network(proxy)
    if network.version != 4:
        return None
    return f"{MAPPED_PREFIX}{network.network_address}/{MAPPED_BITS + network.prefixlen}"
