"""docs/security.md names tests that exist, so that what it promises can be looked up and is tried."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(\w+/test_\w+\.py)(?:::(test_\w+))?`", DOCUMENT)


def test_there_are_many() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_a_named_test_exists(file: str, test: str) -> None:
    text = (TESTS / file).read_text()
    assert re.search(rf"^def {test}\(" if test else r"^def test_", text, re.MULTILINE)


def test_every_row_names_a_test() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith("| attack")]
    assert rows
    assert [row for row in rows if not re.search(r"`\w+/test_\w+\.py", row.rsplit("|", 2)[1])] == []
