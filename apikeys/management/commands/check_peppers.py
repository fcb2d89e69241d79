"""Tells which peppers live keys need, before one is taken off the list."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db.models import Count
from django.utils import timezone

from apikeys import peppers
from apikeys.models import ApiKey


class Command(BaseCommand):
    """`check_peppers`."""

    help = (
        "Print how many live keys need each pepper in API_KEY_PEPPERS, newest first. Fails if keys need one that isn't "
        "listed any more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Count the keys."""
        live = ApiKey.objects.live(timezone.now()).order_by()
        keys = dict(live.values_list("pepper").annotate(Count("pk")))
        unknown = keys.pop(None, 0)
        for number, pepper in enumerate(settings.API_KEY_PEPPERS, 1):
            self.stdout.write(f"Pepper {number}: {keys.pop(peppers.fingerprint(pepper), 0)} keys")
        if unknown:
            self.stdout.write(f"Not known: {unknown} keys, which have not been used since that is noted")
        if keys:
            raise CommandError(f"{sum(keys.values())} keys need a pepper that isn't listed: they don't work.")
