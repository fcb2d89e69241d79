"""The network that an address belongs to, where limits are by network."""

from ipaddress import ip_address, ip_network

# The least that one customer of a provider gets (RFC 6177 §2): whoever has one address has all of them.
IPV6_PREFIX = 64


def network_of(ip: str | None) -> str:
    """Return the network of the address: of IPv6 its /64, of IPv4 the address itself; "unknown" for None."""
    if ip is None:
        return "unknown"
    address = ip_address(ip)
    return str(ip_network((address, IPV6_PREFIX), strict=False)) if address.version == 6 else ip
