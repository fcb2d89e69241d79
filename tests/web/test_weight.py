"""Pages are light, and run nothing but their own files."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from lib.static_files import LEAN
from tests.conftest import ACME, new_key, person

LIMIT = 30_000
PAGES = [
    f"{ACME}/security",
    f"{ACME}/api-access",
    f"{ACME}/api-access/keys/new",
    f"{ACME}/security/api-keys",
    f"{ACME}/members",
    f"{ACME}/members/new",
    "/accounts/password/change/",
]


def weight(data: bytes) -> int:
    return len(gzip.compress(data, 6))


def served(path: Path) -> bytes:
    """Return a file as production serves it: our own are made lean."""
    if settings.BASE_DIR not in path.parents or ".venv" in path.parts:
        return path.read_bytes()
    lean = LEAN.get(path.suffix)
    return lean(path.read_text()).encode() if lean else path.read_bytes()


@pytest.fixture
def full(acme, ana_browser: Client) -> Client:
    """Return Ana's browser, with a full page of members and of keys to show."""
    for number in range(60):
        person(acme, f"person.number.{number}@acme.example", f"Given{number} Family{number}", "Read Only")
    for number in range(20):
        new_key(acme, description=f"Key of the system number {number}")
    return ana_browser


@pytest.mark.parametrize("path", PAGES)
def test_a_page_with_its_style_and_scripts_is_under_30_kb(full: Client, path: str):
    page = full.get(path, follow=True).content
    files = re.findall(r'(?:href|src)="/static/([^"]+)"', page.decode())
    assert "settings.css" in files
    total = weight(page)
    for name in files:
        found = finders.find(name)
        assert isinstance(found, str)
        total += weight(served(Path(found)))
    assert total < LIMIT, f"{path} weighs {total} bytes"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_that_its_policy_forbids(full: Client, path: str):
    answer = full.get(path, follow=True)
    page = answer.content.decode()
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:", page)
    assert all('src="/static/' in script for script in re.findall(r"<script[^>]*>", page))
