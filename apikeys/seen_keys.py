"""Which texts have been seen to be a key, and which to be none: it tells good keys from guesses without a query.

Past `BAD_KEY_LIMIT` guesses from a network, the database isn't asked about texts that may be guesses too. A key that
has opened something before is no guess, so somebody who guesses from an identity provider's network shuts out no key.
"""

import time
from threading import Lock

from django.conf import settings
from django.core.cache import cache
from django.views.decorators.debug import sensitive_variables

from apikeys.secret import KeyText

KEYS_MAX = 100_000
GUESSES_MAX = 10_000
# Not for good: a standby that lagged behind, or a database that was restored since, may have answered wrongly.
GUESS_SECONDS = 60.0
# How long other processes know a key that isn't used any more.
KEPT_SECONDS = 30 * 24 * 3600


class SeenKeys:
    """What this process has seen. The cache, which all processes share if there is a Redis, holds the keys too."""

    def __init__(self) -> None:
        # By a hash with this process's own seed: no secret stays in memory for it.
        self._keys: set[int] = set()
        self._guesses: dict[int, float] = {}
        self._lock = Lock()

    def is_key(self, text: KeyText) -> bool:
        """Whether this process has seen that the text is a key."""
        return hash(text.text) in self._keys

    def is_guess(self, text: KeyText) -> bool:
        """Whether this process has just seen that the text is no key."""
        until = self._guesses.get(hash(text.text))
        return until is not None and time.monotonic() < until

    def is_shared(self, text: KeyText) -> bool:
        """Whether any process has seen that the text is a key, which may be deleted by now; asks the cache."""
        return cache.get(name_of(text)) is not None

    def add(self, text: KeyText) -> None:
        """Remember that the text is a key, for other processes too."""
        with self._lock:
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            self._keys.add(hash(text.text))
        self.share(text)

    def share(self, text: KeyText) -> None:
        """Let other processes know that the text is a key."""
        cache.set(name_of(text), 1, KEPT_SECONDS)

    def add_guess(self, text: KeyText) -> None:
        """Remember for a moment that the text is no key, or none any more."""
        now = time.monotonic()
        with self._lock:
            self._keys.discard(hash(text.text))
            if len(self._guesses) >= GUESSES_MAX:
                self._guesses = {guess: until for guess, until in self._guesses.items() if until > now}
            if len(self._guesses) < GUESSES_MAX:
                self._guesses[hash(text.text)] = now + GUESS_SECONDS


@sensitive_variables()
def name_of(text: KeyText) -> str:
    """Return the name of a key in the cache: a part of its digest, from which nobody gets the text."""
    return f"seen-key:{text.digest(settings.API_KEY_PEPPERS[0])[:32]}"


SEEN = SeenKeys()
