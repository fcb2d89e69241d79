"""What the demo keeps for itself under `var/`: a secret of its own, made at the first start.

Nothing here is used outside demo mode, so that no deployment ever runs on a secret that a checkout made up.
"""

import secrets
from pathlib import Path


def demo_secret(path: Path) -> str:
    """Return the secret kept in the file `path`, making it (readable by its owner only) at the first call."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()
