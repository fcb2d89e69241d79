"""The settings of production, but for what a password's check costs: a third of a second, of two cores."""

from torii_settings.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
