"""The code of the release before this one, as git has it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.server import ROOT

MIGRATIONS = ["--", "*/migrations/0*.py", ":!tests"]


def unpack_previous_release(folder: Path) -> str:
    """Write the previous release's code into `folder`, and return its commit. Skips the test where git has none."""
    commit = previous_release()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    return commit


def previous_release() -> str:
    """Return the newest tag before this commit; without one, the commit before the newest migration.

    PREVIOUS_RELEASE names another commit, from which somebody means to upgrade.
    """
    if chosen := os.environ.get("PREVIOUS_RELEASE"):
        return chosen
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("the previous release isn't here: this is no git repository, or one without its history")
    if tag := git("describe", "--tags", "--abbrev=0", "HEAD^"):
        return tag
    if git("status", "--porcelain", *MIGRATIONS):
        return "HEAD"
    return f"{git('log', '-1', '--diff-filter=A', '--format=%H', *MIGRATIONS)}^"


def git(*arguments: str) -> str:
    """Return what git says; nothing if it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
