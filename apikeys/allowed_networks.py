"""The networks from which a key may be used, in CIDR notation (RFC 4632)."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from apikeys.errors import KeyInvalid

NETWORKS_MAX = 50


def parse_networks(texts: Iterable[str]) -> list[str]:
    """Return the networks, each once and as it is usually written; a lone address is a network of itself.

    Raises KeyInvalid for one that is none, that has host bits set, or for more than `NETWORKS_MAX`.
    """
    networks = list(dict.fromkeys(parse_network(text.strip()) for text in texts if text.strip()))
    if len(networks) > NETWORKS_MAX:
        raise KeyInvalid("allowed_networks", f"Name at most {NETWORKS_MAX} networks.")
    return networks


def parse_network(text: str) -> str:
    """Return one network as it is usually written. Raises KeyInvalid."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise KeyInvalid(
            "allowed_networks", f"“{text[:60]}” is no network: write it as in 203.0.113.0/24 or 2001:db8::/48."
        ) from None
    if "/" in text and ip_address(text.partition("/")[0]) != network.network_address:
        raise KeyInvalid("allowed_networks", f"“{text[:60]}” is an address inside a network: did you mean {network}?")
    return str(network)


def contains(networks: list[str], ip: str | None) -> bool:
    """Whether the address `ip` is in one of `networks`, which `parse_networks` made."""
    if ip is None:
        return False
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in parsed(tuple(networks)))


@lru_cache(maxsize=1024)
def parsed(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that `networks` spell; the same ones come with every request of a key."""
    return tuple(ip_network(network) for network in networks)
