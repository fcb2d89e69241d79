"""docs/scim.md tells what there is: no endpoint, attribute, operator or limit is missing, and each test exists."""

import re
from pathlib import Path

import pytest
from scim2_models.path import CompareOperator

from scim.schemas import published_schemas
from scim.urls import urlpatterns
from torii_settings.environment.table import Environment

ROOT = Path(__file__).resolve().parents[2]
SCIM = (ROOT / "docs" / "scim.md").read_text()


def in_code(text: str) -> bool:
    """Whether `text` stands in the page as code."""
    return re.search(rf"`[^`\n]*(?<![A-Za-z]){re.escape(text)}(?![A-Za-z])[^`\n]*`", SCIM) is not None


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"[\w/]+/test_\w+\.py", SCIM))
    assert named
    assert [name for name in sorted(named) if not (ROOT / "tests" / name.removeprefix("tests/")).is_file()] == []


@pytest.mark.parametrize("table", ["Endpoints", "HTTP", "User", "PATCH", "Lists", "Limits", "Leniency"])
def test_every_row_names_a_test(table: str) -> None:
    section = SCIM.split(f"## {table}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert rows
    assert [row for row in rows if "test_" not in row] == []


def test_every_attribute_is_there() -> None:
    for schema in published_schemas([]):
        for attribute in schema.attributes or []:
            assert in_code(str(attribute.name)), attribute.name
            for part in attribute.sub_attributes or []:
                assert in_code(str(part.name)), f"{attribute.name}.{part.name}"


def test_every_endpoint_is_there() -> None:
    words = {word for pattern in urlpatterns for word in re.findall(r"[A-Z][A-Za-z]+", str(pattern.pattern))}
    assert words >= {"Users", "Groups", "Roles", "Bulk", "Me"}
    assert [word for word in sorted(words) if not in_code(f"/{word}")] == []


def test_every_operator_is_there() -> None:
    assert [operator for operator in [*CompareOperator, "pr", "and", "or", "not"] if not in_code(operator)] == []


def test_every_limit_is_there() -> None:
    names = {variable.name for variable in Environment.variables()}
    limits = {name for name in names if name.startswith(("SCIM_", "KEY_", "BAD_"))}
    assert len(limits) > 8
    assert [limit for limit in sorted(limits) if not in_code(limit)] == []


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
