"""`python -m tests.fuzz`: start the service, send odd requests, and tell what went wrong.

SEED, FIRST and ONLY say which requests: `make fuzz SEED=7 FIRST=4000 REQUESTS=4000 ONLY=scim` sends those of one world
again, or `FIRST=4711 REQUESTS=1` a single one.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time

import django
from tqdm import tqdm

from benchmarks.service.environment import UNLIMITED, environment
from tests.server import WebServer, serving
from tests.services import ENDING_SIGNALS, leave, postgres_server, redis_server

# After so many requests, much of the world is deleted, deactivated or renamed.
CHAPTER = 4_000
MANAGE = [sys.executable, "manage.py"]


def main() -> int:
    """Send the requests and return the exit code: 1 if any failed."""
    options = arguments()
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    with postgres_server() as database, redis_server() as redis:
        # The limits as they come would refuse most of so many. TRUSTED_PROXIES lets each request have its own address.
        variables = (
            environment(database, f"{redis}/0")
            | UNLIMITED
            | {
                "DJANGO_SETTINGS_MODULE": "tests.fuzz.settings",
                "BAD_KEY_LIMIT": "1000000",
                "TRUSTED_PROXIES": "127.0.0.1",
                "ACCESS_LOG": "off",
                "LOG_LEVEL": "ERROR",
                "WEB_WORKERS": "2",
            }
        )
        os.environ.update(variables)
        for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--no-input", "--verbosity", "0"]):
            subprocess.run([*MANAGE, *command], check=True)
        django.setup()
        with serving(**variables) as server:
            return run(options, server)


def run(options: argparse.Namespace, server: WebServer) -> int:
    """Send the requests, a chapter in each world."""
    # These need the settings.
    from tests.fuzz.drive import ENOUGH, Fuzz, report
    from tests.fuzz.world import make_world

    begun = time.monotonic()
    sys.stderr.write(f"SEED={options.seed}\n")
    first, last = options.first, options.first + options.requests
    fuzz = Fuzz(server.address, make_world(first // CHAPTER), options.seed, options.only)
    tally = fuzz.tally
    with tqdm(total=options.requests, unit=" requests", smoothing=0.05) as progress:
        for start in range(first - first % CHAPTER, last, CHAPTER):
            if start > first:
                fuzz.world = make_world(start // CHAPTER)
            fuzz.send(range(max(start, first), min(start + CHAPTER, last)), progress.update)
            progress.set_postfix(failed=len(tally.failures))
            if len(tally.failures) >= ENOUGH:
                break
    minutes = (time.monotonic() - begun) / 60
    sys.stdout.write(f"{report(tally, server.address, server.log())}\n")
    sys.stdout.write(
        f"\n{tally.sent:,} requests in {minutes:.1f} minutes, {len(tally.failures)} failed; SEED={options.seed}\n"
    )
    return 1 if tally.failures else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Send odd requests to every door.")
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many")
    parser.add_argument("--seed", default="", help="what gives the same requests again")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument("--only", nargs="*", default=[], help="only these doors")
    options = parser.parse_args()
    options.seed = options.seed or str(secrets.randbelow(10**6))
    return options


if __name__ == "__main__":
    sys.exit(main())
