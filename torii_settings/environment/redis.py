"""Where Redis is: one variable, and two spellings, since its own library and Celery's (kombu) read URLs differently.

kombu knows sockets under another scheme, takes the database's number from elsewhere, and checks no certificate unless
it is told to.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from torii_settings.environment.kinds import Variable, Wrong
from torii_settings.environment.urls import Parts, scheme_of

PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A database of a Redis: `scheme` is "redis", "rediss" (with TLS) or "unix" (`place` is then the socket's path).

    `signed_in` is what stands before the place, `tls` are options of Redis's library whose names begin with `ssl_`.
    """

    scheme: str
    signed_in: str
    place: str
    database: int
    tls: dict[str, str]

    @property
    def url(self) -> str:
        """The address as Redis's library reads it."""
        options = self.tls | ({"db": str(self.database)} if self.scheme == "unix" else {})
        path = "" if self.scheme == "unix" else f"/{self.database}"
        return with_options(f"{self.scheme}://{self.signed_in}{self.place}{path}", options)

    @property
    def broker_url(self) -> str:
        """The address as kombu reads it."""
        if self.scheme == "unix":
            socket = f"redis+socket://{self.signed_in}{self.place}"
            return with_options(socket, {"virtual_host": str(self.database)})
        checked = {"ssl_cert_reqs": "required"} if self.scheme == "rediss" else {}
        return with_options(f"{self.scheme}://{self.signed_in}{self.place}/{self.database}", checked | self.tls)


def with_options(url: str, options: dict[str, str]) -> str:
    """Return `url` with `options` behind a question mark, if there are any."""
    return f"{url}?{urlencode(options)}" if options else url


class RedisUrl(Variable[RedisAddress | None]):
    """Where Redis is, or None."""

    right = "redis://:password@host:6379/0 (rediss:// with TLS, or unix:///path/to/socket)"

    def read(self, text: str) -> RedisAddress:
        parts = Parts.of(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.scheme == "unix":
            database, place = options.pop("db", "0"), socket_path(parts)
        elif parts.scheme in ("redis", "rediss"):
            database, place = options.pop("db", parts.path.strip("/") or "0"), host_and_port(parts)
        else:
            raise Wrong("is not where a Redis could be")
        if not re.fullmatch(r"[0-9]{1,4}", database):
            raise Wrong("has a path that is not the number of a database")
        address = RedisAddress(parts.scheme, parts.signed_in, place, int(database), options)
        if not is_understood(address):
            raise Wrong("has options that are not Redis's for TLS (ssl_…) nor the number of a database (db)")
        return address

    def nothing(self) -> None:
        return None

    def shown(self, text: str) -> str:
        return scheme_of(text)


def socket_path(parts: Parts) -> str:
    """Return the path of a socket, encoded. Raises Wrong."""
    if parts.hosts or not re.fullmatch(r"/[^/].*", parts.path):
        raise Wrong("names no socket by its full path, as in unix:///run/redis.sock")
    return quote(unquote(parts.path))


def host_and_port(parts: Parts) -> str:
    """Return host and port. Raises Wrong."""
    host, port = parts.single_host(PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_understood(address: RedisAddress) -> bool:
    """Whether Redis's library can make a connection, which it doesn't open yet, to `address`."""
    from redis import ConnectionPool, RedisError

    if not all(name.startswith("ssl_") and address.scheme == "rediss" for name in address.tls):
        return False
    try:
        ConnectionPool.from_url(address.url).make_connection()
    except (RedisError, TypeError, ValueError):
        return False
    return True
