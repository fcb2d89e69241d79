"""What a web process or a worker looks at before it begins: slips in the environment, and peppers that are missing.

The settings themselves are read before, and refused, by every process (`torii_settings.environment`).
"""

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from apikeys.models import ApiKey
from torii_settings.environment.reading import Refused

logger = logging.getLogger(__name__)


def look_around() -> None:
    """Log what looks like a slip. Raises Refused if live keys need a pepper that isn't listed any more.

    Nothing waits for the database: while it can't be asked, the process starts, and says that it didn't ask.
    """
    for sentence in settings.MISSPELLED_VARIABLES:
        logger.warning(sentence)
    try:
        lacking = ApiKey.objects.live(timezone.now()).lacking_their_pepper().count()
    except DatabaseError as error:
        logger.warning("started without knowing whether API_KEY_PEPPERS has all peppers: %s", type(error).__name__)
        return
    finally:
        # What is forked from here on must not share the connection.
        connection.close()
    if lacking:
        raise Refused([missing_pepper(lacking)])


def missing_pepper(keys: int) -> str:
    """Return the sentence for a number of keys whose pepper isn't listed."""
    need = "1 key that works needs one" if keys == 1 else f"{keys} keys that work need one"
    return f"API_KEY_PEPPERS lacks a pepper; {need} that was taken off the list, so put it back (docs/keys.md)."
