"""Variables that say where a server is and how to sign in there: database and mail server (`redis.py` has Redis).

User and password may be percent-encoded. They need not be, but for `/`, `?` and `#`, at which they would end.
No error shows such a URL: what it says of it is its scheme.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from torii_settings.environment.kinds import Required, Wrong

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?")
LAST_PORT = 65535
# What libpq finds out about these only when it connects: after the start, for each request anew.
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a URL; user and password are decoded, `hosts`, `path` and `query` are as they were written."""

    scheme: str
    user: str
    password: str
    hosts: str
    path: str
    query: str

    @classmethod
    def of(cls, text: str) -> "Parts":
        """Part a URL. Raises Wrong for a text that is none."""
        match = URL.fullmatch(text)
        if match is None:
            raise Wrong("has a #, which a password spells %23" if "#" in text else "is no URL")
        user, _, password = (match[2] or "").partition(":")
        if "@" in match[4]:
            raise Wrong("has a / or ? where a password spells %2F and %3F")
        return cls(match[1].lower(), unquote(user), unquote(password), match[3], match[4], match[5] or "")

    @property
    def signed_in(self) -> str:
        """User and password as they stand before the host, every special character encoded."""
        if not self.user and not self.password:
            return ""
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"

    def single_host(self, default_port: int) -> tuple[str, int]:
        """Return the host, without brackets, and the port. Raises Wrong."""
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:,\s]+)(?::([0-9]{1,5}))?", self.hosts)
        if match is None or not 0 < int(match[2] or default_port) <= LAST_PORT:
            raise Wrong(f"names no host, or a port that is not one from 1 to {LAST_PORT}")
        return unquote(match[1].strip("[]")), int(match[2] or default_port)


def scheme_of(text: str) -> str:
    """Return what may be shown of a URL that has a password in it."""
    match = re.match(r"[A-Za-z0-9+.-]+://", text)
    if match:
        return f"{match[0]}…"
    # "localhost:6379", the commonest mistake, is no secret; anything else might be.
    return repr(text) if re.fullmatch(r"[\w.-]+:[0-9]{1,5}", text) else f"{len(text)} characters"


class DatabaseUrl(Required[dict[str, Any]]):
    """A database, as Django's DATABASES describes it but for ENGINE, which is "postgresql" or "sqlite3"."""

    right = "postgres://user:password@host:5432/name (or sqlite:////path/to/file for a look)"

    def read(self, text: str) -> dict[str, Any]:
        parts = Parts.of(text)
        if parts.scheme == "sqlite":
            return {"ENGINE": "sqlite3", "NAME": absolute_path(parts)}
        if parts.scheme not in ("postgres", "postgresql"):
            raise Wrong("is another kind of database")
        return postgresql(parts)

    def shown(self, text: str) -> str:
        return scheme_of(text)


def postgresql(parts: Parts) -> dict[str, Any]:
    """Return the connection that a URL describes, which libpq reads: it knows sockets, several hosts and its options.

    Raises Wrong for what libpq doesn't know.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        read = conninfo_to_dict(f"postgresql://{parts.signed_in}{parts.hosts}{parts.path}?{parts.query}")
    except ProgrammingError:
        raise Wrong("has a host or an option that PostgreSQL's library doesn't understand") from None
    options = {name: str(value) for name, value in read.items() if value}
    if any(not port.isascii() or not port.isdecimal() or not 0 < int(port) <= LAST_PORT for port in ports(options)):
        raise Wrong(f"has a port that is not one from 1 to {LAST_PORT}")
    for option, choices in CHOICES.items():
        if options.get(option, choices[0]) not in choices:
            raise Wrong(f"has an option {option} that is none of {', '.join(choices)}")
    for option in NUMBERS:
        if not re.fullmatch(r"[0-9]{1,9}", options.get(option, "0")):
            raise Wrong(f"has an option {option} that is no whole number")
    name = options.pop("dbname", "")
    if not name:
        raise Wrong("names no database behind the host")
    login = {key.upper(): options.pop(key, "") for key in ("user", "password", "host", "port")}
    return {"ENGINE": "postgresql", "NAME": name, **login, "OPTIONS": options}


def ports(options: dict[str, str]) -> list[str]:
    """Return the ports that are given, one for each host or one for all of them."""
    return [port for port in options.get("port", "").split(",") if port]


def absolute_path(parts: Parts) -> str:
    """Return the full path of a file or folder: processes are started in different folders. Raises Wrong."""
    path = unquote(parts.path)
    if parts.hosts or parts.signed_in or parts.query or not re.fullmatch(r"//[^/].*", path):
        raise Wrong(f"names no full path, which follows three slashes, as in {parts.scheme}:////var/lib/torii")
    return path.removeprefix("/")


class EmailUrl(Required[dict[str, Any]]):
    """Where mail goes, as Django's EMAIL_ settings."""

    right = "smtp+tls://user:password@host:587 (STARTTLS), smtps://user:password@host:465 (TLS), or smtp://host:25"
    BACKENDS = {"consolemail": "console", "memorymail": "locmem", "dummymail": "dummy"}
    PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465, "smtp+ssl": 465}

    def read(self, text: str) -> dict[str, Any]:
        parts = Parts.of(text)
        if parts.query:
            raise Wrong("has options, and takes none")
        if parts.scheme == "filemail":
            return {"EMAIL_BACKEND": backend("filebased"), "EMAIL_FILE_PATH": absolute_path(parts)}
        if parts.scheme in self.BACKENDS:
            return {"EMAIL_BACKEND": backend(self.BACKENDS[parts.scheme])}
        if parts.scheme not in self.PORTS:
            raise Wrong("is no way to send mail")
        if parts.path not in ("", "/"):
            raise Wrong("has a path behind the host")
        host, port = parts.single_host(self.PORTS[parts.scheme])
        return {
            "EMAIL_BACKEND": backend("smtp"),
            "EMAIL_HOST": host,
            "EMAIL_PORT": port,
            "EMAIL_HOST_USER": parts.user,
            "EMAIL_HOST_PASSWORD": parts.password,
            "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
            "EMAIL_USE_SSL": parts.scheme in ("smtps", "smtp+ssl"),
        }

    def shown(self, text: str) -> str:
        return scheme_of(text)


def backend(name: str) -> str:
    """Return the path of one of Django's mail backends."""
    return f"django.core.mail.backends.{name}.EmailBackend"
