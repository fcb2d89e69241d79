"""docs/keys.md tells scanners what a key looks like, in a way that works."""

import re
from pathlib import Path

import pytest

from apikeys.allowed_networks import NETWORKS_MAX
from apikeys.models.handover import SILENCE
from apikeys.models.origin import AGENTS_MAX, IPV4_NETWORK, IPV6_NETWORK, LATEST, NETWORKS_MAX as ORIGINS_MAX, WIDER
from apikeys.secret import KeyText
from members.models.organization import KEY_LIFETIME_DAYS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "keys.md").read_text()
EXPRESSION = re.compile(PAGE.split("The regular expression:\n\n```\n")[1].split("\n```")[0])
SAMPLES = 2000


@pytest.fixture
def is_key():
    """The function that the page prints."""
    code: dict = {}
    exec(PAGE.split("```python\n")[1].split("```")[0], code)  # noqa: S102 - the page's own code is what is tested
    return code["is_key"]


def test_the_expression_finds_each_key_and_nothing_around_it():
    for kind in ("scim", "api"):
        text = KeyText.generate(kind).text
        found = EXPRESSION.search(f'export TOKEN="{text}"\n')
        assert found is not None
        assert found[0] == text


def test_the_pages_function_knows_our_keys(is_key):
    assert all(is_key(KeyText.generate("scim").text) for _ in range(SAMPLES))


def test_the_pages_function_and_ours_agree_on_typing_errors(is_key):
    text = KeyText.generate("api").text
    for place in range(len(text)):
        for letter in "0aZ_":
            typed = text[:place] + letter + text[place + 1 :]
            assert is_key(typed) == (KeyText.parse(typed) is not None) == (typed == text)


def test_the_numbers_are_the_codes():
    days, hours = KEY_LIFETIME_DAYS, int(SILENCE.total_seconds() // 3600)
    for text in (
        f"up to {NETWORKS_MAX} networks",
        f"/{IPV4_NETWORK} (IPv4) or /{IPV6_NETWORK} (IPv6)",
        f"{hours} hours",
    ):
        assert text in PAGE
    flat = " ".join(PAGE.split())
    assert f"past {ORIGINS_MAX} of a kind, further networks are summed up" in flat
    assert (
        f"in their /{WIDER[4][0]} (IPv6: /{WIDER[6][0]}), and past {ORIGINS_MAX} of those in their /{WIDER[4][1]}"
        in flat
    )
    assert f"{AGENTS_MAX} are kept" in flat
    assert LATEST == 10
    assert re.search(rf"{days}\s+days unless changed", PAGE)
