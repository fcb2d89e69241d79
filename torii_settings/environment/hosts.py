"""Variables that name hosts: those we answer to, those we believe, and the address that we are reached at."""

import re
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from torii_settings.environment.kinds import Required, Variable, Wrong, each

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
SUBDOMAINS = re.compile(rf"\.{LABEL}(\.{LABEL})+")
# The widest networks that somebody can have for themselves: 10.0.0.0/8 and fc00::/7.
WIDEST = {4: 8, 6: 7}
MAPPED = IPv6Network("::ffff:0:0/96")
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PORT = 65535


def host_name(text: str) -> str:
    """Return a host's name or address as the Host header has it: in lower case, IPv6 in brackets. Raises Wrong."""
    text = text.lower()
    if "://" in text or "/" in text:
        raise Wrong("is an address of the web, not the name of a host")
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(bare)
    except ValueError:
        return dns_name(text.removesuffix("."))
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def dns_name(text: str) -> str:
    """Return `text`, if it is a name as DNS has them. Raises Wrong."""
    if not text.isascii():
        raise Wrong("is not ASCII, where a host is written xn--…")
    if re.search(r":[0-9]*$", text):
        raise Wrong("has a port")
    # A name of digits alone is an IPv4 address that is none.
    if not HOST_NAME.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
        raise Wrong
    return text


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, which nobody else can reach under that name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_served(host: str, allowed: list[str]) -> bool:
    """Whether `host` is one of those `allowed`, or within a domain that is allowed as `.example.com`."""
    return any(host == entry or (entry[0] == "." and f".{host}".endswith(entry)) for entry in allowed)


class Hosts(Required[list[str]]):
    """Names of hosts, separated by commas; `.example.com` stands for the domain and all within it."""

    right = "host names separated by commas, as in settings.example.com, or .example.com for all hosts of a domain"

    def read(self, text: str) -> list[str]:
        return each(text, self.host)

    def host(self, entry: str) -> str:
        """Return one entry as Django compares it. Raises Wrong."""
        if "*" in entry:
            raise Wrong("stands for any host")
        if not entry.startswith("."):
            return host_name(entry)
        if not SUBDOMAINS.fullmatch(entry.lower()):
            raise Wrong
        return entry.lower()


class Host(Variable[str]):
    """The name of one host, or nothing."""

    right = "the name of a host, as in staff.example.com"

    def read(self, text: str) -> str:
        return host_name(text)

    def nothing(self) -> str:
        return ""


class Networks(Variable[list[str]]):
    """Addresses and networks, separated by commas."""

    right = "addresses or networks separated by commas, as in 10.0.0.7 or 10.0.0.0/8"

    def read(self, text: str) -> list[str]:
        return each(text, self.network)

    def network(self, entry: str) -> str:
        """Return one entry as an address, or as a network without a host's bits. Raises Wrong."""
        try:
            network = ip_network(entry, strict=False)
        except ValueError:
            raise Wrong("stands for everybody" if entry == "*" else "") from None
        if network.prefixlen < WIDEST[network.version]:
            raise Wrong("stands for everybody" if network.prefixlen == 0 else "stands for half the world")
        if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
            raise Wrong("stands for addresses of IPv4, which are written as such")
        return str(network) if "/" in entry else str(ip_address(entry))

    def nothing(self) -> list[str]:
        return []


class BaseUrl(Required[str]):
    """The address of the service on the web: `https://host`, or http on this machine itself, with or without a port."""

    right = "https:// and a host, as in https://settings.example.com (http:// only on localhost)"

    def read(self, text: str) -> str:
        match = re.fullmatch(r"(https?)://(\[[^\]]*\]|[^\[\]/:?#@]*)(?::([0-9]{1,5}))?(/*)(.*)", text, re.IGNORECASE)
        if match is None:
            raise Wrong
        scheme, host, port = match[1].lower(), host_name(match[2]), int(match[3] or DEFAULT_PORTS[match[1].lower()])
        if match[5]:
            raise Wrong("has something behind the host" if match[4] else "")
        if not 0 < port <= LAST_PORT:
            raise Wrong(f"has a port that is not one from 1 to {LAST_PORT}")
        if scheme == "http" and not is_loopback(host):
            raise Wrong("sends keys and passwords in the clear")
        return f"{scheme}://{host}" + (f":{port}" if port != DEFAULT_PORTS[scheme] else "")
