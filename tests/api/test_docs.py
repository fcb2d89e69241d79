"""docs/rest-api.md tells what there is: no endpoint, code or limit is missing, and each test that it names exists."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from api.kinds import KINDS
from api.parameters import PAGE_SIZE, PAGE_SIZE_MAX
from api.views.schema import document

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rest-api.md").read_text()


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table in a section."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def test_every_endpoint_is_there_with_its_parameters() -> None:
    told = {(method, address.strip("`")): what for method, address, what, _ in rows("Endpoints")}
    there = {
        (method.upper(), path.removeprefix("/v1.0")): each
        for path, methods in document()["paths"].items()
        for method, each in methods.items()
    }
    assert told.keys() == there.keys()
    for address, each in there.items():
        for parameter in each.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in ("cursor", "limit"):
                assert f"`{parameter['name']}`" in told[address], address


def test_every_code_is_there_with_its_status() -> None:
    assert {code.strip("`"): int(status) for code, status, *_ in rows("Problems")} == {
        kind.code: kind.status for kind in KINDS.values()
    }


@pytest.mark.parametrize("section", ["Endpoints", "Problems", "Limits"])
def test_every_row_names_a_test_that_exists(section: str) -> None:
    for row in rows(section):
        named = re.findall(r"[\w/]+/test_\w+\.py", row[-1])
        assert named, row
        assert all((ROOT / "tests" / name).is_file() for name in named), row


def test_limits_are_those_of_the_code() -> None:
    limits = {cells[0]: cells[1] for cells in rows("Limits")}
    assert limits["`limit`"] == f"{PAGE_SIZE}, at most {PAGE_SIZE_MAX}"
    assert str(settings.KEY_RATE_LIMIT) in limits["`KEY_RATE_LIMIT`, `KEY_RATE_BURST`"]
    assert str(settings.BAD_KEY_LIMIT) in limits["`BAD_KEY_LIMIT`"]


def test_the_page_and_its_neighbours_are_linked() -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", PAGE):
        assert target.startswith("http") or (ROOT / "docs" / target).exists(), target
