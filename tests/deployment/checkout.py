"""A copy of the project as it ships, and an environment that holds what requirements.txt names."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.server import ROOT

# What tests and benchmarks import is not there in production.
NOT_SHIPPED = ("tests/", "benchmarks/", "devtools/")
# pip and its proxies may have to be told where packages are; nothing else of our environment is anybody's business.
FOR_PIP = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")


def copy_what_ships(to: Path) -> None:
    """Copy the files that git tracks, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(NOT_SHIPPED) and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def production_venv(checkout: Path, install: str) -> Path:
    """Return a virtual environment in which `install`, README's command, has been run and nothing else.

    It is made once for each requirements.txt: that takes longer than all the rest.
    """
    digest = hashlib.sha256(f"{sys.version}{install}".encode() + (checkout / "requirements.txt").read_bytes())
    venv = ROOT / "var" / "cache" / "production" / digest.hexdigest()[:16]
    is_complete = venv / "complete"
    if not is_complete.exists():
        shutil.rmtree(venv.parent, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        options = {name: value for name, value in os.environ.items() if name.upper().startswith(FOR_PIP)}
        run(install, checkout, bare_environment(venv) | options)
        is_complete.touch()
    return venv


def bare_environment(venv: Path) -> dict[str, str]:
    """Return what a process has that `env -i` starts with the environment's programs first in PATH."""
    return {"PATH": os.pathsep.join([str(venv / "bin"), os.defpath]), "HOME": str(Path.home())}


def run(
    command: str, checkout: Path, environment: dict[str, str], **options: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; fail, with all it has said, if it fails."""
    done = subprocess.run(
        shlex.split(command), cwd=checkout, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
