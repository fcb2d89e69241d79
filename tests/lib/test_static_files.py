"""Our own style sheets and scripts are served lean, and mean the same."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from lib.static_files import lean_css, lean_script


def test_a_style_sheet_loses_comments_and_spaces_that_mean_nothing():
    text = """/* A
    comment */
    .a > .b, .c { color: red; width: calc(100% - 4px); }

    @media screen and (max-width: 9px) { .d .e { content: ""; } }
    """
    assert lean_css(text) == (
        '.a>.b,.c{color:red;width:calc(100% - 4px)}@media screen and (max-width:9px){.d .e{content:""}}'
    )


def test_a_script_loses_lines_that_are_comments_and_no_other():
    text = """// Why.
const a = "https://example.com"; // kept

  // More.
  f(a);
"""
    assert lean_script(text) == 'const a = "https://example.com"; // kept\nf(a);'


def test_what_is_collected_is_lean_under_both_its_names_and_libraries_stay_as_they_are(
    tmp_path: Path, settings_with_manifest
):
    call_command("collectstatic", verbosity=0, interactive=False)
    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    source = (settings.BASE_DIR / "static" / "settings.js").read_text()
    for name in ("settings.js", names["settings.js"]):
        assert (tmp_path / name).read_text() == lean_script(source)
    assert "/*" not in (tmp_path / names["settings.css"]).read_text()
    assert "/*" in (tmp_path / "admin" / "css" / "base.css").read_text()


@pytest.fixture
def settings_with_manifest(settings, tmp_path: Path) -> None:
    """Have static files collected into a folder of the test, as production does."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "lib.static_files.LeanStaticFiles"}}
