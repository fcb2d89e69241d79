"""`python -m lib.probe worker` (or `beat`): whether it lives, for an orchestrator. Exit status 0 or 1.

It looks at the time of a file that the process touches every few seconds (`torii_settings.heartbeat`), and so needs
neither settings nor database nor broker: what those lack is no reason to start a worker anew.
"""

import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "var" / "heartbeats"
LATELY = 60.0
NAMES = ("worker", "beat")


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2) or arguments[0] not in NAMES:
        print(f"usage: python -m lib.probe {'|'.join(NAMES)} [FOLDER]", file=sys.stderr)
        return 2
    name, *folders = arguments
    if not (heard := last_heard(name, *map(Path, folders))):
        print(f"No {name} has run on this machine.")
        return 1
    silent = time.time() - heard
    print(f"The {name} was last heard of {silent:.0f} seconds ago.")
    return 0 if silent < LATELY else 1


def last_heard(name: str, folder: Path | None = None) -> float:
    """Return when `name` was last heard of on this machine, in seconds since 1970; 0 for never.

    `folder` is where the processes keep their files, if not in FOLDER (the setting `HEARTBEATS`).
    """
    try:
        return ((folder or FOLDER) / name).stat().st_mtime
    except OSError:
        return 0.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
