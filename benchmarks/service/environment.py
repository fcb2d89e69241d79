"""The environment of the service in production: settings, database, Redis, log, limits."""

APPLICATION = "torii_settings.wsgi:application"
BASE = "/scim/v2"

# The limiter counts, but never refuses.
UNLIMITED = dict.fromkeys(("KEY_RATE_LIMIT", "KEY_RATE_BURST", "KEY_IN_FLIGHT", "ORGANIZATION_IN_FLIGHT"), "1000000")


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the variables of a production process, the limits as they come."""
    return {
        "DJANGO_SETTINGS_MODULE": "torii_settings.settings",
        "SECRET_KEY": "a secret for benchmarks only that is long enough for production",
        "API_KEY_PEPPERS": "a pepper for benchmarks only that is long enough for production",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALLOWED_HOSTS": "127.0.0.1",
        "BASE_URL": "http://127.0.0.1",
        "EMAIL_URL": "memorymail://",
        "DEFAULT_FROM_EMAIL": "settings@acme.example",
        "LOG_LEVEL": "INFO",
    }
