"""A Django project with django-scim2 and nothing else, its database in DATABASE_URL."""

import environ

env = environ.Env()

SECRET_KEY = "benchmark"  # noqa: S105 - it signs nothing
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.plain.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "benchmarks.plain.people"]
MIDDLEWARE = [
    "benchmarks.plain.people.bearer.BearerMiddleware",
    "django_scim.middleware.SCIMAuthCheckMiddleware",
]
AUTH_USER_MODEL = "people.User"
DATABASES = {"default": env.db("DATABASE_URL") | {"CONN_MAX_AGE": 600}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
# Tables are made from the models as they are: a benchmark has no history.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}

SCIM_SERVICE_PROVIDER = {
    "NETLOC": "127.0.0.1",
    "SCHEME": "http",
    "GROUP_MODEL": "benchmarks.plain.people.models.Group",
    "AUTHENTICATION_SCHEMES": [
        {"type": "oauthbearertoken", "name": "Bearer token", "description": "A static token", "primary": True}
    ],
}
