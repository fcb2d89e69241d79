"""The code of the release before this one, as git has it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from tests.server import ROOT

MIGRATIONS = ["--", "*/migrations/0*.py", ":!tests"]

MIGRATION = re.compile(r"(\w+)/migrations/(0\w*)\.py")

Key = tuple[str, str]


def unpack_previous_release(folder: Path) -> str:
    """Write the previous release's code into `folder`, and return its commit. Skips the test where git has none."""
    commit = previous_release()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    return commit


def previous_release() -> str:
    """Return the newest tag before this commit; without one, the newest with fewer migrations that lead to today's.

    PREVIOUS_RELEASE names another commit, from which somebody means to upgrade.
    """
    if chosen := os.environ.get("PREVIOUS_RELEASE"):
        return chosen
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("the previous release isn't here: this is no git repository, or one without its history")
    if tag := git("describe", "--tags", "--abbrev=0", "HEAD^"):
        return tag
    changed = ["HEAD"] if git("status", "--porcelain", *MIGRATIONS) else []
    added = git("log", "--diff-filter=A", "--format=%H^", *MIGRATIONS).splitlines()
    today = dependencies()
    for commit in changed + added:
        applied = migrations_of(commit)
        if applied and leads_to(today, applied):
            return commit
    pytest.skip("the previous release isn't here: git has no commit with fewer migrations")


def migrations_of(commit: str) -> set[Key]:
    """Return the app and the name of each migration that a commit has."""
    paths = git("ls-tree", "-r", "--name-only", commit).splitlines()
    return {(found[1], found[2]) for path in paths if (found := MIGRATION.fullmatch(path))}


def dependencies() -> dict[Key, set[Key]]:
    """Return which of our migrations each of today's depends on, directly or not."""
    ours = {folder.parent.name for folder in ROOT.glob("*/migrations")}
    graph = MigrationLoader(None).graph
    return {
        key: {each for each in graph.forwards_plan(key) if each[0] in ours} - {key}
        for key in graph.nodes
        if key[0] in ours
    }


def leads_to(today: dict[Key, set[Key]], applied: set[Key]) -> bool:
    """Whether a database to which exactly `applied` of our migrations are applied can be migrated to today's.

    While work on several is under way, one may be put before another that is here already. No release has the commits
    in between, and Django refuses to migrate what they have made.
    """
    return all(key in today and today[key] <= applied for key in applied)


def git(*arguments: str) -> str:
    """Return what git says; nothing if it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
