"""Every variable that the service reads, and what has to hold between them."""

from urllib.parse import quote, urlsplit

from torii_settings.demo import demo_secret
from torii_settings.environment.hosts import BaseUrl, Host, Hosts, Networks, host_name, is_loopback, is_served
from torii_settings.environment.kinds import (
    Choice,
    Duration,
    Mailbox,
    Peppers,
    Secret,
    Secrets,
    Switch,
    WholeNumber,
)
from torii_settings.environment.reading import Table
from torii_settings.environment.redis import RedisUrl
from torii_settings.environment.urls import DatabaseUrl, EmailUrl

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
DAY = 86400


class Environment(Table):
    """The variables, in README's order. A new one is a line here, and a line in settings.py."""

    DEMO = Switch("whether this is a demo, which needs nothing else: SQLite, mail into a folder", default="off")
    SECRET_KEY = Secret(
        "Django's secret; signs sessions, links and cursors",
        demo=lambda folder: demo_secret(folder / "secret-key"),
    )
    SECRET_KEY_FALLBACKS = Secrets(
        "former values of `SECRET_KEY`, separated by commas; what they signed stays valid", default=""
    )
    API_KEY_PEPPERS = Peppers(
        "secrets under which keys are hashed, newest first, separated by commas",
        demo=lambda folder: demo_secret(folder / "pepper"),
    )
    API_KEY_PEPPER_MOVE = Switch(
        "whether keys move to the newest pepper as they are used; `on` once all hosts know it", default="off"
    )
    DATABASE_URL = DatabaseUrl(
        "`postgres://user:password@host/name`, a database whose locale is UTF-8",
        demo=lambda folder: f"sqlite:///{quote(str(folder / 'demo.sqlite3'))}",
    )
    ALLOWED_HOSTS = Hosts("host names to answer to, separated by commas", demo="127.0.0.1,localhost")
    BASE_URL = BaseUrl(
        "the address that browsers and identity providers use; https turns on HSTS and secure cookies",
        demo="http://127.0.0.1:8000",
    )
    HSTS_INCLUDE_SUBDOMAINS = Switch("whether HSTS holds for all hosts below that of `BASE_URL` too", default="off")
    HSTS_PRELOAD = Switch("whether browsers may have HSTS built in, which takes months to undo", default="off")
    ADMIN_HOST = Host(
        "the host that alone has the staff admin, as in `staff.example.com`; on https, set this or `ADMIN_NETWORKS`",
        default="",
    )
    ADMIN_NETWORKS = Networks(
        "addresses or networks from which the staff admin opens; none for any, if it has its own host", default=""
    )
    EMAIL_URL = EmailUrl(
        "`smtp+tls://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465` (TLS)",
        demo=lambda folder: f"filemail:///{quote(str(folder / 'mail'))}",
    )
    DEFAULT_FROM_EMAIL = Mailbox("the sender of mails", demo="settings@acme.example")
    REDIS_URL = RedisUrl(
        "broker, cache and limits, as in `redis://host:6379`; without it a folder under `var/`, on one machine",
        default="",
    )
    TRUSTED_PROXIES = Networks("addresses or networks whose `X-Forwarded-For` and `-Proto` are believed", default="")
    SCIM_PAGE_SIZE = WholeNumber("members a page", default="100", least=1)
    SCIM_PAGE_SIZE_MAX = WholeNumber("members a page at most", default="200", least=1)
    SCIM_BODY_LIMIT = WholeNumber("bytes of a request body", default="1048576")
    SCIM_STRING_LIMIT = WholeNumber("characters of one string in a resource", default="65536")
    SCIM_PATCH_LIMIT = WholeNumber("operations in a PATCH", default="100")
    SCIM_BULK_LIMIT = WholeNumber("operations in a bulk request", default="1000")
    SCIM_FILTER_LIMIT = WholeNumber("bytes of a filter", default="8192")
    SCIM_FILTER_TERMS = WholeNumber("comparisons of a filter", default="100")
    SCIM_NAMES_LIMIT = WholeNumber("names in `attributes` and in `excludedAttributes`", default="100")
    SCIM_VALUES_LIMIT = WholeNumber("values of an attribute, but for the members of a group", default="100")
    SCIM_ATTRIBUTES_LIMIT = WholeNumber("bytes of a member's attributes as they are stored", default="65536")
    SCIM_PATCH_WORK_LIMIT = WholeNumber("values that the operations of a PATCH go through, all told", default="2000")
    SCIM_BULK_COST_LIMIT = WholeNumber(
        "what the operations of a bulk request may cost: 1 for each, 10 more for each filtered path", default="1000"
    )
    SCIM_PAGE_BYTES = WholeNumber(
        "bytes of the resources on a page; the first resource is always sent", default="1048576"
    )
    SEARCH_WORDS_LIMIT = WholeNumber("words of a search for members, on pages and by REST", default="10")
    SEARCH_LENGTH_LIMIT = WholeNumber("characters of such a search", default="200")
    KEY_RATE_LIMIT = WholeNumber("requests a second of a key", default="25")
    KEY_RATE_BURST = WholeNumber("requests of a key at once", default="100")
    KEY_IN_FLIGHT = WholeNumber("requests of a key or a session that a web process has under way", default="16")
    ORGANIZATION_IN_FLIGHT = WholeNumber("requests of an organization that a web process has under way", default="48")
    BAD_KEY_LIMIT = WholeNumber(
        "invalid keys a minute from a network; also refused calls of a key from one", default="20"
    )
    SIGN_IN_MAILS_PER_DAY = WholeNumber(
        "mails with a code or a link that an e-mail address gets in a day; a third of them from one network",
        default="30",
    )
    SESSION_LIFETIME = Duration("time for which a sign-in lasts", default="14d", least=60, most=400 * DAY)
    RETAIN_NOTICES = Duration("time for which it is kept who got which mail about a key; 0 for ever", default="400d")
    RETAIN_ORIGINS = Duration(
        "time for which it is kept from where a key was used, once it is deleted or expired; 0 for ever", default="400d"
    )
    RETAIN_LOGINS = Duration(
        "time since the last sign-in for which the login of somebody is kept who is a member nowhere; 0 for ever",
        default="90d",
    )
    STAFF_SESSION_LIFETIME = Duration(
        "time after which a session of the vendor's staff ends", default="8h", least=60, most=7 * DAY
    )
    STAFF_SESSION_IDLE = Duration(
        "time without use after which a session of the vendor's staff ends",
        default="30m",
        least=60,
        most=7 * DAY,
    )
    WEB_WORKERS = WholeNumber("processes of the web server", default="2", least=1, most=256)
    WEB_THREADS = WholeNumber(
        "requests that each of them answers at the same time, of one organization one less",
        default="3",
        least=1,
        most=256,
    )
    WEB_QUEUE = WholeNumber(
        "requests that each of them keeps waiting for their turn; others get a 503", default="64", least=1, most=1024
    )
    WEB_MAX_RSS = WholeNumber("MiB of memory beyond which a web process is replaced", default="512")
    WEB_BODY_TIMEOUT = Duration("time in which the body of a request has to arrive", default="30s", least=1)
    WEB_STOP_TIMEOUT = Duration("time in which the web server ends, once told to", default="30s", least=1)
    REQUEST_TIMEOUT_MACHINES = Duration(
        "time for which the database works on a request by SCIM or REST; 0 for no limit", default="5s"
    )
    REQUEST_TIMEOUT_PEOPLE = Duration(
        "time for which the database works on a request of a browser; 0 for no limit", default="10s"
    )
    REMINDER_INTERVAL = Duration(
        "time between two looks for keys about to expire; the first pause after a mail failed",
        default="15m",
        least=1,
        most=DAY,
    )
    DATABASE_CONN_MAX_AGE = Duration("time for which a database connection is kept", default="10m")
    DATABASE_PREPARE = Switch(
        "whether statements that are run often are prepared; `off` for a PgBouncer before 1.21", default="on"
    )
    DATABASE_FAST_CURSOR = Switch(
        "whether those statements run on libpq; `off` for tools that must see every query pass through psycopg",
        default="on",
    )
    WEB_SHORTCUTS = Switch(
        "whether web processes read settings and connections without Django's care for asynchronous code; `off` for "
        "tools that watch these",
        default="on",
    )
    MIGRATION_LOCK_TIMEOUT = Duration(
        "time that `migrate` waits for a table, and traffic behind it, before it lets go and tries again", default="2s"
    )
    MIGRATION_LOCK_TRIES = WholeNumber("how often `migrate` tries", default="12", least=1, most=1000)
    LOG_LEVEL = Choice("the least level that is logged", LOG_LEVELS, default="INFO", demo="WARNING")
    ACCESS_LOG = Switch("whether each request writes a line", default="on", demo="off")

    @property
    def is_demo(self) -> bool:
        return self.values.get("DEMO") is True

    @property
    def base_host(self) -> str:
        """The host in BASE_URL, as ALLOWED_HOSTS has it."""
        return host_name(urlsplit(self.BASE_URL).hostname or "")

    def page_fits_its_maximum(self) -> str | None:
        if self.SCIM_PAGE_SIZE <= self.SCIM_PAGE_SIZE_MAX:
            return None
        most = self.SCIM_PAGE_SIZE_MAX
        return f"SCIM_PAGE_SIZE holds {self.SCIM_PAGE_SIZE}; it must be at most SCIM_PAGE_SIZE_MAX, {most}."

    def secret_is_no_pepper(self) -> str | None:
        if self.SECRET_KEY not in self.API_KEY_PEPPERS:
            return None
        return "SECRET_KEY holds one of API_KEY_PEPPERS; it must be another random text, of use for nothing else."

    def base_url_is_answered(self) -> str | None:
        if is_served(self.base_host, self.ALLOWED_HOSTS):
            return None
        hosts = ",".join(self.ALLOWED_HOSTS)
        return f"ALLOWED_HOSTS holds {hosts!r}; it must have the host of BASE_URL among them, {self.base_host}."

    def demo_stays_here(self) -> str | None:
        if not self.DEMO or all(is_loopback(host) for host in [self.base_host, *self.ALLOWED_HOSTS]):
            return None
        return (
            "DEMO is on, in which anybody signs in as anybody; "
            "BASE_URL and ALLOWED_HOSTS must then name this machine alone, as in 127.0.0.1 or localhost."
        )

    def admin_host_is_answered(self) -> str | None:
        if not self.ADMIN_HOST or is_served(self.ADMIN_HOST, self.ALLOWED_HOSTS):
            return None
        hosts = ",".join(self.ALLOWED_HOSTS)
        return f"ALLOWED_HOSTS holds {hosts!r}; it must have ADMIN_HOST among them, {self.ADMIN_HOST}."

    def admin_has_its_own_host(self) -> str | None:
        if self.base_host != self.ADMIN_HOST:
            return None
        return f"ADMIN_HOST holds {self.ADMIN_HOST!r}; it must be another host than that of BASE_URL."

    def preload_includes_subdomains(self) -> str | None:
        if not self.HSTS_PRELOAD or self.HSTS_INCLUDE_SUBDOMAINS:
            return None
        return "HSTS_PRELOAD is on; HSTS_INCLUDE_SUBDOMAINS must then be on too: browsers preload no host without."

    rules = (
        page_fits_its_maximum,
        secret_is_no_pepper,
        base_url_is_answered,
        demo_stays_here,
        admin_host_is_answered,
        admin_has_its_own_host,
        preload_includes_subdomains,
    )
