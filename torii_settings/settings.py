"""Django settings, read from the environment: `torii_settings.environment.table` lists the variables.

`DEMO=1` is the embedded default for a first look: SQLite, the filesystem broker, e-mail into a folder, all of it under
`var/`. A process whose environment won't do says why, in a sentence for each variable, and does not start.
"""

import os
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.templatetags.static import static
from django.urls import reverse_lazy

from lib import probe
from torii_settings.environment.table import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Environment(os.environ, VAR_DIR)

DEMO = env.DEMO
MISSPELLED_VARIABLES = env.misspelled()

# Who we are on the web ------------------------------------------------------------------------------------------------

SECRET_KEY = env.SECRET_KEY
SECRET_KEY_FALLBACKS = env.SECRET_KEY_FALLBACKS
DEBUG = False
ALLOWED_HOSTS = env.ALLOWED_HOSTS
BASE_URL = env.BASE_URL
TRUSTED_PROXIES = env.TRUSTED_PROXIES
ROOT_URLCONF = "torii_settings.urls"
WSGI_APPLICATION = "torii_settings.wsgi.application"

# Served over TLS, everything insists on it; a plain http BASE_URL (a first look, a test on loopback) cannot.
SERVED_OVER_TLS = BASE_URL.startswith("https://")
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SERVED_OVER_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.HSTS_INCLUDE_SUBDOMAINS
SECURE_HSTS_PRELOAD = env.HSTS_PRELOAD
SESSION_COOKIE_SECURE = SERVED_OVER_TLS
CSRF_COOKIE_SECURE = SERVED_OVER_TLS
# A browser takes a cookie with such a name from this host alone: no other host of the domain can plant one.
SESSION_COOKIE_NAME = "__Host-sessionid" if SERVED_OVER_TLS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SERVED_OVER_TLS else "csrftoken"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
# What Django would have on by default: an operator decides on other hosts (HSTS_INCLUDE_SUBDOMAINS, HSTS_PRELOAD), and
# `torii_settings.scheme` answers plain http.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
ADMIN_HOST = env.ADMIN_HOST
ADMIN_NETWORKS = env.ADMIN_NETWORKS
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Limits and product settings ------------------------------------------------------------------------------------------

# The newest pepper comes first; keys made under an older one keep working while it is listed.
API_KEY_PEPPERS = env.API_KEY_PEPPERS
API_KEY_PEPPER_MOVE = env.API_KEY_PEPPER_MOVE

SCIM_PAGE_SIZE = env.SCIM_PAGE_SIZE
SCIM_PAGE_SIZE_MAX = env.SCIM_PAGE_SIZE_MAX
DATA_UPLOAD_MAX_MEMORY_SIZE = env.SCIM_BODY_LIMIT or None
SCIM_STRING_LIMIT = env.SCIM_STRING_LIMIT
SCIM_PATCH_LIMIT = env.SCIM_PATCH_LIMIT
SCIM_BULK_LIMIT = env.SCIM_BULK_LIMIT
SCIM_FILTER_LIMIT = env.SCIM_FILTER_LIMIT
SCIM_FILTER_TERMS = env.SCIM_FILTER_TERMS
SCIM_NAMES_LIMIT = env.SCIM_NAMES_LIMIT
SCIM_VALUES_LIMIT = env.SCIM_VALUES_LIMIT
SCIM_ATTRIBUTES_LIMIT = env.SCIM_ATTRIBUTES_LIMIT
SCIM_PATCH_WORK_LIMIT = env.SCIM_PATCH_WORK_LIMIT
SCIM_BULK_COST_LIMIT = env.SCIM_BULK_COST_LIMIT
SCIM_PAGE_BYTES = env.SCIM_PAGE_BYTES
SEARCH_WORDS_LIMIT = env.SEARCH_WORDS_LIMIT
SEARCH_LENGTH_LIMIT = env.SEARCH_LENGTH_LIMIT
KEY_RATE_LIMIT = env.KEY_RATE_LIMIT
KEY_RATE_BURST = env.KEY_RATE_BURST
KEY_IN_FLIGHT = env.KEY_IN_FLIGHT
ORGANIZATION_IN_FLIGHT = env.ORGANIZATION_IN_FLIGHT
BAD_KEY_LIMIT = env.BAD_KEY_LIMIT
SIGN_IN_MAILS_PER_DAY = env.SIGN_IN_MAILS_PER_DAY

# How long what is kept of people is kept; the clock sees to it.
RETAIN_NOTICES = env.RETAIN_NOTICES
RETAIN_ORIGINS = env.RETAIN_ORIGINS
RETAIN_LOGINS = env.RETAIN_LOGINS

WEB_WORKERS = env.WEB_WORKERS
WEB_THREADS = env.WEB_THREADS
WEB_QUEUE = env.WEB_QUEUE
WEB_MAX_RSS = env.WEB_MAX_RSS
WEB_BODY_TIMEOUT = env.WEB_BODY_TIMEOUT
WEB_STOP_TIMEOUT = env.WEB_STOP_TIMEOUT
# `lib.web.shortcuts` says which; they save a tenth of a GET.
WEB_SHORTCUTS = env.WEB_SHORTCUTS

REQUEST_TIMEOUT_MACHINES = env.REQUEST_TIMEOUT_MACHINES
REQUEST_TIMEOUT_PEOPLE = env.REQUEST_TIMEOUT_PEOPLE

# Parts ----------------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "torii_settings",
    "members",
    "apikeys",
    "audit",
    "outbox",
    "scim",
    "api",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_scim",
    "drf_spectacular",
    "django_htmx",
    "heroicons",
]

MIDDLEWARE = [
    "torii_settings.access.RequestIds",
    "torii_settings.middleware.Doors",
    "django.middleware.security.SecurityMiddleware",
    # Around all that answers by itself, as with a file or a redirect.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "torii_settings.middleware.ContentSecurityPolicy",
    "torii_settings.staff_door.StaffDoor",
    # Behind the machines' door: what SCIM and REST answer goes out as it is.
    "lib.compression.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "members.staff_sessions.StaffSessions",
    "django_htmx.middleware.HtmxMiddleware",
    "members.middleware.CurrentMember",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"request_id": "torii_settings.templatetags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Data -----------------------------------------------------------------------------------------------------------------

DATABASES = {"default": dict(env.DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "sqlite3":
    # WAL lets readers go on beside one writer; IMMEDIATE takes the write lock at BEGIN, so that a transaction which
    # reads before it writes waits for its turn instead of failing half way.
    DATABASES["default"]["ENGINE"] = "lib.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["ENGINE"] = "torii_settings.postgresql"
    DATABASES["default"]["CONN_MAX_AGE"] = env.DATABASE_CONN_MAX_AGE
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A cursor of the server's outlives its transaction, after which PgBouncer may lend the connection to somebody else.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    # A server whose machine is gone says nothing, and TCP would wait for it for a quarter of an hour. This gives it up
    # soon enough for the request to be answered anew (`lib.rerun`). A server that takes long over a statement isn't
    # gone: its machine goes on acknowledging. What DATABASE_URL says goes first.
    SERVER_IS_GONE = {
        "connect_timeout": "5",
        "tcp_user_timeout": "4000",
        "keepalives_idle": "2",
        "keepalives_interval": "1",
        "keepalives_count": "2",
    }
    # The server binds the parameters, as it does those of statements that are made once: Django makes the SQL of both.
    DATABASES["default"]["OPTIONS"] = SERVER_IS_GONE | env.DATABASE_URL["OPTIONS"] | {"server_side_binding": True}

# Planning a look-up costs PostgreSQL four times what carrying it out does. So each connection prepares the statements
# that are made once. PgBouncer keeps up with that from 1.21 on; behind an older one nothing may be prepared.
DATABASE_PREPARE = env.DATABASE_PREPARE
# Those statements run on libpq, with less of psycopg around them (`torii_settings.postgresql.prepared`). If this is
# off, they run unprepared on psycopg's cursor, as all other queries do.
DATABASE_FAST_CURSOR = env.DATABASE_FAST_CURSOR

# `torii_settings.postgresql.schema` gives the reason.
MIGRATION_LOCK_TIMEOUT = env.MIGRATION_LOCK_TIMEOUT
MIGRATION_LOCK_TRIES = env.MIGRATION_LOCK_TRIES

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
# As the settings pages write days and instants; the staff admin is of all organizations, so its time zone is UTC.
FORMAT_MODULE_PATH = "torii_settings.formats"

REDIS_URL = env.REDIS_URL.url if env.REDIS_URL else ""
# What a process keeps in memory, without Redis or while Redis is away. Django's default, 300, would let anybody push
# the counts of sign-in attempts out.
CACHE_ENTRIES = {"MAX_ENTRIES": 100_000}
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "lib.cache.FailoverCache", "LOCATION": REDIS_URL, "MEMORY_OPTIONS": CACHE_ENTRIES}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": CACHE_ENTRIES}
}

# Signing in -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
if DEMO:
    AUTHENTICATION_BACKENDS.append("members.demo.DemoBackend")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "members.passwords.HardToGuess"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "settings"
LOGOUT_REDIRECT_URL = "account_login"
SESSION_ENGINE = "lib.sessions"
SESSION_COOKIE_AGE = env.SESSION_LIFETIME

ACCOUNT_ADAPTER = "members.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# An address is proven by the code or the link that reaches it, and members are vouched for by their organization.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
# A mail server that has never seen us may refuse a mail for five minutes or more, and the outbox tries again. Three
# wrong guesses end a code, however long it works.
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
# Whether somebody has an address is told neither by a page nor by a mail to whoever has it.
ACCOUNT_PREVENT_ENUMERATION = True
# Such a mail is none (`members.adapter`): it takes as long as one that is sent.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
# allauth can limit by address or by network, not by both. So passwords, codes and mails are limited by
# `members.sign_in_limits`, at sign-in and wherever a proof is asked for again.
ACCOUNT_RATE_LIMITS = dict.fromkeys(["login_failed", "reauthenticate", "request_login_code", "reset_password"])
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {
    "login": "members.forms.LoginForm",
    "request_login_code": "members.forms.RequestLoginCodeForm",
    "confirm_login_code": "members.forms.ConfirmLoginCodeForm",
    "reauthenticate": "members.forms.ReauthenticateForm",
    "change_password": "members.forms.ChangePasswordForm",
    "set_password": "members.forms.SetPasswordForm",
    "reset_password": "members.forms.ResetPasswordForm",
    "reset_password_from_key": "members.forms.ResetPasswordKeyForm",
}

MFA_ADAPTER = "members.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Torii"
# A phone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
# An address is proven by the code or the link that reached it; allauth's own marks for that aren't used.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "members.forms.SecondFactorForm",
    "reauthenticate": "members.forms.SecondFactorAgainForm",
    "activate_totp": "members.forms.SetUpSecondFactorForm",
}
# For how long a proof is a recent one, where a page asks for it again (`members.recent_proof`): long enough to find a
# phone and install an app on it.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
STAFF_SESSION_LIFETIME = env.STAFF_SESSION_LIFETIME
STAFF_SESSION_IDLE = env.STAFF_SESSION_IDLE

# SCIM -----------------------------------------------------------------------------------------------------------------

SCIM_SERVICE_PROVIDER = {
    "NETLOC": BASE_URL.partition("://")[2],
    "SCHEME": BASE_URL.partition("://")[0],
    "USER_MODEL_GETTER": "scim.adapters.get_member_model",
    "USER_ADAPTER": "scim.adapters.MemberAdapter",
    "GROUP_MODEL": "members.models.Group",
    "GROUP_ADAPTER": "scim.adapters.GroupAdapter",
    "AUTHENTICATION_SCHEMES": [
        {
            "type": "oauthbearertoken",
            "name": "SCIM key",
            "description": "A key of type Torii SCIM, generated in Settings > API Access, sent as a bearer token.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": True,
        }
    ],
    "WWW_AUTHENTICATE_HEADER": 'Bearer realm="scim"',
}

# REST API -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.authentication.MayEnter"],
    "DEFAULT_THROTTLE_CLASSES": ["api.authentication.KeyLimit"],
    "DEFAULT_PARSER_CLASSES": ["api.body.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["api.body.JsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.problems.respond",
    # A key is nobody's but its organization's, and a parameter called "format" is the endpoint's own.
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Torii REST API",
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": BASE_URL}],
    "EXTERNAL_DOCS": {"url": f"{BASE_URL}/docs/api", "description": "The same for people"},
    "SCHEMA_PATH_PREFIX": "/v1.0",
    "POSTPROCESSING_HOOKS": ["api.openapi.finish"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
}

# Work off the request -------------------------------------------------------------------------------------------------

if env.REDIS_URL:
    CELERY_BROKER_URL = env.REDIS_URL.broker_url
    # A broker that vanished without a word would be waited for without end.
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    }
else:
    BROKER_DIR = VAR_DIR / "broker"
    (BROKER_DIR / "messages").mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR),
        "polling_interval": 0.1,
    }
CELERY_WORKER_CONSUMER = "lib.broker.consumer:Consumer"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# However long the broker is away, worker and clock wait for it.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"
# Where worker and beat say that they live, for `python -m lib.probe`.
HEARTBEATS = probe.FOLDER
REMINDER_INTERVAL = env.REMINDER_INTERVAL
# A mail is sent at once. The clock sends what a lost broker or worker has left, while its code is still good.
OUTBOX_INTERVAL = 10.0
# How often workers go on with jobs; they do most of the time in between.
JOB_INTERVAL = 5.0
CELERY_BEAT_SCHEDULE = {
    "deliver-mails": {
        "task": "outbox.tasks.deliver_mails",
        "schedule": OUTBOX_INTERVAL,
        "options": {"expires": 4 * OUTBOX_INTERVAL},
    },
    "send-expiry-reminders": {
        "task": "apikeys.tasks.send_expiry_reminders",
        "schedule": REMINDER_INTERVAL,
        # What piled up while no worker ran asks for the same thing many times.
        "options": {"expires": 4 * REMINDER_INTERVAL},
    },
    "name-makers": {
        "task": "apikeys.tasks.name_makers",
        "schedule": crontab(minute=15),
        "options": {"expires": 3600},
    },
    "run-jobs": {
        "task": "members.tasks.run_jobs",
        "schedule": JOB_INTERVAL,
        "options": {"expires": JOB_INTERVAL},
    },
    "tell-of-new-admins": {
        "task": "members.tasks.tell_of_new_admins",
        "schedule": JOB_INTERVAL,
        "options": {"expires": JOB_INTERVAL},
    },
    "clear-sessions": {
        "task": "members.tasks.clear_sessions",
        # By the clock, not by the time since the start: a clock that is restarted every day would never get there.
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": 12 * 3600},
    },
    "forget-logins": {
        "task": "members.tasks.forget_logins",
        "schedule": crontab(hour=3, minute=40),
        "options": {"expires": 12 * 3600},
    },
    "forget-old": {
        "task": "apikeys.tasks.forget_old",
        "schedule": crontab(hour=3, minute=50),
        "options": {"expires": 12 * 3600},
    },
}

vars().update(env.EMAIL_URL)
# No request talks to the mail server: whatever sends a mail writes it into the outbox. Only the delivery uses this.
MAIL_SERVER_BACKEND = env.EMAIL_URL["EMAIL_BACKEND"].replace("django.core.mail.backends.smtp", "lib.smtp")
EMAIL_BACKEND = "outbox.backend.EmailBackend"
DEFAULT_FROM_EMAIL = env.DEFAULT_FROM_EMAIL
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Static files and logs ------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "lib.static_files.LeanStaticFiles"},
}

ACCESS_LOG = env.ACCESS_LOG

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": "ext://torii_settings.logs.PROCESSORS",
            "foreign_pre_chain": "ext://torii_settings.logs.BEFORE",
        }
    },
    "filters": {"news": {"()": "torii_settings.logs.News"}},
    "handlers": {"stderr": {"class": "torii_settings.logs.Lines", "formatter": "line", "filters": ["news"]}},
    "root": {"handlers": ["stderr"], "level": env.LOG_LEVEL},
    # Django has handlers of its own for these, and granian for what its processes say.
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("django", "django.server", "_granian")},
}
LOGGING_CONFIG = "torii_settings.logs.configure"

UNFOLD = {
    "SITE_TITLE": "Torii staff",
    "SITE_HEADER": "Torii staff",
    "SITE_URL": f"{BASE_URL}/settings/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("icon.svg")}],
    "SHOW_HISTORY": False,
    "ENVIRONMENT": "members.staff_sessions.demo_badge",
    "ACCOUNT": {"navigation": [{"title": "Second factor", "link": reverse_lazy("mfa_index")}]},
    "STYLES": [lambda request: static("staff.css")],
    "SCRIPTS": [lambda request: static("staff.js")],
    # The settings' own indigo, from light to dark; links in the dark are 500, which has to be light enough to read.
    "COLORS": {
        "primary": {
            "50": "#eef2ff",
            "100": "#e0e7ff",
            "200": "#c7d2fe",
            "300": "#b6c2fd",
            "400": "#a5b4fc",
            "500": "#818cf8",
            "600": "#4f46e5",
            "700": "#4338ca",
            "800": "#3730a3",
            "900": "#312e81",
            "950": "#1e1b4b",
        }
    },
}
