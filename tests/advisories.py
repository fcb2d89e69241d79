"""`python -m tests.advisories` asks whether a locked package has a known vulnerability, and fails if one has.

pip-audit asks the package index. It runs in an environment of its own, so that what it needs isn't locked with what we
need. Where it can't be had, or the index gives no advisories, the check is skipped and says so: a build doesn't depend
on somebody else's service.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")
PIP_AUDIT = "pip-audit==2.10.1"
SECONDS = 120
# Vulnerabilities that don't concern us, as {"CVE-…": "why"}.
ACCEPTED: dict[str, str] = {}


def main() -> int:
    """Check every lock and return the exit code: 1 if a package has a known vulnerability."""
    code = 0
    for lock in LOCKS:
        failed, text = judged(lock, *asked(ROOT / lock))
        sys.stdout.write(f"{text}\n")
        code = max(code, failed)
    return code


def asked(lock: Path) -> tuple[dict[str, Any] | None, str]:
    """Return what pip-audit has found about the packages of a lock, or None and the reason why it found nothing."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "tool", "run", "--system-certs", PIP_AUDIT, "--requirement", str(lock), "--format", "json"]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS} seconds"
    except ValueError:
        return None, last_line(done.stderr)
    return found, ""


def judged(lock: str, found: dict[str, Any] | None, reason: str) -> tuple[int, str]:
    """Return whether what was found fails the check, as 1 or 0, and a text that says what was found."""
    packages: Sequence[dict[str, Any]] = found["dependencies"] if found else ()
    known = [each for each in packages if "vulns" in each]
    if not known:
        return 0, f"SKIPPED: nothing is known of vulnerabilities in {lock}: {reason or 'the index has no advisories'}."
    lines = [
        f"{package['name']} {package['version']}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'nothing'}"
        for package in known
        for each in package["vulns"]
        if not {each["id"], *each.get("aliases", ())} & ACCEPTED.keys()
    ]
    unknown = len(packages) - len(known)
    beside = f"; of {unknown} nothing is known" if unknown else ""
    return int(bool(lines)), "\n".join([f"{lock}: {len(known)} packages, {len(lines)} vulnerable{beside}.", *lines])


def last_line(text: str) -> str:
    """Return the last line of a text that isn't empty."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "pip-audit said nothing")


if __name__ == "__main__":
    sys.exit(main())
