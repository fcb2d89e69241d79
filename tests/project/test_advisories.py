"""`make lint` fails for a known vulnerability, and for nothing else that the check for one may meet."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import advisories
from tests.advisories import asked, judged

VULNERABLE = {
    "name": "sample",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"], "description": ""}],
}
SOUND = {"name": "other", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "third", "skip_reason": "Dependency not found on PyPI"}


def found(*packages: Any) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


def test_a_known_vulnerability_fails() -> None:
    code, text = judged("requirements.txt", found(VULNERABLE, SOUND, UNKNOWN), "")
    assert code == 1
    assert "sample 1.0: PYSEC-1, fixed in 1.1" in text


def test_a_vulnerability_that_does_not_concern_us_is_accepted_by_any_of_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(advisories.ACCEPTED, "CVE-1", "We don't call that function.")
    assert judged("requirements.txt", found(VULNERABLE), "")[0] == 0


def test_sound_packages_pass_and_those_of_which_nothing_is_known_are_counted() -> None:
    assert judged("requirements.txt", found(SOUND, UNKNOWN), "") == (
        0,
        "requirements.txt: 1 packages, 0 vulnerable; of 1 nothing is known.",
    )


@pytest.mark.parametrize(("told", "reason"), [(None, "no network"), (found(UNKNOWN), "")])
def test_without_advisories_the_check_is_skipped_and_says_so(told: Any, reason: str) -> None:
    code, text = judged("requirements.txt", told, reason)
    assert code == 0
    assert text.startswith("SKIPPED: ")
    assert reason in text


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (subprocess.CompletedProcess([], 1, "", "Traceback\n  error: no such host\n"), "error: no such host"),
        (subprocess.CompletedProcess([], 1, "", ""), "pip-audit said nothing"),
        (subprocess.TimeoutExpired([], 1), "no answer within 120 seconds"),
    ],
)
def test_a_program_that_fails_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch, outcome: Any, reason: str) -> None:
    def run(*args: Any, **kwargs: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(subprocess, "run", run)
    assert asked(Path("requirements.txt")) == (None, reason)


def test_lint_asks() -> None:
    assert "-m tests.advisories" in (advisories.ROOT / "Makefile").read_text()
