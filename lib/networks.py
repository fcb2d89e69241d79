"""The network that an address belongs to, where limits are by network."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

# The least that one customer of a provider gets (RFC 6177 §2): whoever has one address has all of them.
IPV6_PREFIX = 64


@lru_cache(maxsize=4096)
def network_of(ip: str | None) -> str:
    """Return the network of the address: of IPv6 its /64, of IPv4 the address itself; "unknown" for None.

    An IPv6 address that stands for one of IPv4 (RFC 4291 §2.5.5.2) is that one: all of them are in one /64.
    """
    if ip is None:
        return "unknown"
    address = ip_address(ip)
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # As a number, which has no zone (RFC 4007 §11).
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))
