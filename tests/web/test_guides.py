"""Settings > Security > Set-up guides: who may read them, whose values are in them, and whether what they say is so."""

import datetime as dt
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings as project
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.test import Client

from apikeys import limits
from apikeys.secret import KeyText
from members.models import Level, Member, Organization, Role
from members.models.role import PREDEFINED
from members.models.scope import everywhere
from tests.conftest import ACME, GLOBEX, SETUP, new_key, person
from tests.identity_provider import IdentityProvider
from tests.web.conftest import SignIn, text_of
from torii_settings.guides import prose

GUIDES = ("okta", "entra")
NAMES = ("SCIM provisioning", "SCIM base URL", "Organization ID", "Generate API key", "Torii SCIM", "Generate key")
DOCS = Path(project.BASE_DIR) / "docs"

Answers = list[tuple[str, str]]


def address(guide: str) -> str:
    return f"{ACME}/security/guides/{guide}"


def source(guide: str) -> str:
    return (DOCS / f"{guide}.md").read_text(encoding="utf-8")


def column(text: str, heading: str) -> list[str]:
    """Return the first cells of the first table below a heading."""
    table = text.partition(f"## {heading}\n")[2].partition("\n|")[2].partition("\n\n")[0]
    return [row.split("|")[0 if number == 0 else 1].strip() for number, row in enumerate(table.splitlines())][2:]


@pytest.mark.parametrize("guide", GUIDES)
def test_an_admin_reads_a_guide_with_their_organizations_values(acme, ana_browser: Client, settings, guide: str):
    answer = ana_browser.get(address(guide))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.count(f"{settings.BASE_URL}/scim/v2</code>") >= 2
    assert page.count(f"{acme.public_id}</code>") >= 3
    assert "acme.example, example.com" in text_of(answer)
    assert "Admin, Read Only, IT Admin, Procurement, Employee" in text_of(answer)


@pytest.mark.parametrize("guide", GUIDES)
def test_nothing_is_left_to_fill_in(ana_browser: Client, guide: str):
    page = ana_browser.get(address(guide)).content.decode()
    assert not re.search(r"&lt;\w[\w ]*&gt;", page)
    assert "aadOptscim062020" in page or guide == "okta"


@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_see_security_may_read_the_guides(request, sign_in: SignIn, who: str, guide: str):
    assert sign_in(request.getfixturevalue(who)).get(address(guide)).status_code == 200


@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("who", ["emil", "paul"])
def test_whoever_may_not_see_security_may_not_read_the_guides(request, acme, sign_in: SignIn, who: str, guide: str):
    answer = sign_in(request.getfixturevalue(who)).get(address(guide))
    assert answer.status_code == 403
    assert "okta" not in answer.content.decode().lower()


@pytest.mark.django_db
@pytest.mark.parametrize("guide", GUIDES)
def test_a_stranger_is_asked_to_sign_in(client: Client, guide: str):
    assert client.get(address(guide))["Location"] == f"/accounts/login/?next={address(guide)}"


@pytest.mark.parametrize("guide", ["", "onelogin", "okta.md", "..%2fokta", "OKTA"])
def test_an_unknown_guide_is_a_404_in_the_frame(ana_browser: Client, guide: str):
    answer = ana_browser.get(address(guide))
    assert answer.status_code == 404
    assert "There is no page here" in text_of(answer)


@pytest.mark.parametrize("guide", GUIDES)
def test_eve_reads_her_own_values_after_ana_did(acme, globex, ana_browser: Client, eve, sign_in: SignIn, guide: str):
    Role(organization=acme, name="Contract Manager", access=everywhere(Level.NONE)).create_role(by=SETUP)
    assert "Contract Manager" in text_of(ana_browser.get(address(guide)))
    page = sign_in(eve).get(address(guide).replace(ACME, GLOBEX)).content.decode()
    assert page.count(f"{globex.public_id}</code>") >= 3
    assert "globex.example" in page
    for foreign in (acme.public_id, "acme.example", "Acme", "Contract Manager"):
        assert foreign not in page


@pytest.mark.parametrize("on", [True, False])
def test_the_security_page_leads_to_both_guides(acme: Organization, ana_browser: Client, on: bool):
    if not on:
        acme.disable_scim(by=SETUP)
    page = ana_browser.get(f"{ACME}/security").content.decode()
    assert f'<a href="{address("okta")}">Okta</a>' in page
    assert f'<a href="{address("entra")}">Microsoft Entra ID</a>' in page


def test_a_guide_says_when_scim_is_off(acme: Organization, ana_browser: Client):
    assert "SCIM is off for" not in text_of(ana_browser.get(address("okta")))
    acme.disable_scim(by=SETUP)
    assert "SCIM is off for Acme." in text_of(ana_browser.get(address("okta")))


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_of_a_guide_leads_somewhere(ana_browser: Client, guide: str):
    page = ana_browser.get(address(guide)).content.decode()
    links = re.findall(r'<a[^>]* href="([^"]+)"', page.partition("<main")[2])
    assert any(link == address(other) for link in links for other in GUIDES if other != guide)
    for link in links:
        if link.startswith("#"):
            assert page.count(f'id="{link[1:]}"') == 1, link
        elif link.startswith("/"):
            assert ana_browser.get(link).status_code == 200, link
        else:
            assert link.startswith("https://"), link
            assert f'href="{link}" rel="noopener"' in page, link


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_leads_somewhere_on_a_code_host_too(guide: str):
    text = source(guide)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif "://" not in link:
            assert (DOCS / link).is_file(), link


@pytest.mark.parametrize("guide", GUIDES)
def test_the_contents_name_every_section(ana_browser: Client, guide: str):
    page = ana_browser.get(address(guide)).content.decode()
    contents = page.partition('class="contents"')[2].partition("</nav>")[0]
    assert re.findall(r">([^<]+)</a>", contents) == re.findall(r"^## (.+)$", source(guide), re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_is_light_and_has_nothing_that_its_policy_forbids(ana_browser: Client, guide: str):
    answer = ana_browser.get(address(guide))
    page = answer.content.decode()
    files = re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js))"', page)
    assert files == ["settings.css", "settings.js", "guides.css"]
    found = [Path(str(finders.find(name))).read_bytes() for name in files]
    assert sum(len(gzip.compress(data, 6)) for data in (answer.content, *found)) < 30_000
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:|<img", page)


def test_a_guide_takes_five_queries(ana_browser: Client, django_assert_num_queries):
    ana_browser.get(address("okta"))
    with django_assert_num_queries(5):
        ana_browser.get(address("okta"))


def order_of(text: str, *words: str) -> list[int]:
    """Return where each of `words` is in `text`, each looked for after the one before it."""
    places = [-1]
    for word in words:
        places.append(text.find(word, places[-1] + 1))
    return places[1:]


CATALOG = (
    "Browse App Catalog", "Torii", "Add Integration", "Done", "Configure API Integration", "Enable API Integrations",
    "API Token", "Save", "Provisioning", "User type", "Edit", "default or a custom field", "Save", "Scroll up", "Edit",
    "Create Users", "Update User Attributes", "Deactivate Users", "Save", "Sign On", "Edit",
    "Application username format", "Email", "Save", "Organization ID", "Save",
)  # fmt: skip
OWN_APP = (
    "Create App Integration", "Torii", "App name", "/accounts/login/", "Finish", "General", "Edit", "SCIM", "Save",
    "Integration", "Edit", "/scim/v2", "userName", "Push New Users", "HTTP Header", "Authorization",
    "Test Connector Configuration", "Save", "To App", "Edit", "Create Users", "Save", "Sign On", "Edit", "Email",
    "Save",
)  # fmt: skip


def test_okta_is_reached_by_two_routes_the_catalogs_first(ana_browser: Client):
    words = text_of(ana_browser.get(address("okta")))
    _, first, rest = words.rpartition("Route 1: ")
    first, _, second = rest.partition("Route 2: ")
    assert -1 not in order_of(first, *CATALOG)
    assert -1 not in order_of(second.partition("Assign people and check")[0], *OWN_APP)


def test_readme_goes_the_catalogs_way():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    steps = readme.partition("## Connect Okta")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", steps, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert -1 not in order_of(" ".join(steps.split()), "Generate API key", *CATALOG)


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_gives_its_steps_before_its_tables(ana_browser: Client, guide: str):
    page = ana_browser.get(address(guide)).content.decode().partition('class="contents"')[2]
    assert 0 < page.find("<ol>") < page.find("<table")
    sections = re.split(r"<h2", page)
    both = [section for section in sections if "<ol>" in section and "<table" in section]
    assert all(
        section.find("<ol>") < section.find("<table") for section in both if 'id="troubleshooting"' not in section
    )


@pytest.mark.parametrize("guide", GUIDES)
def test_every_value_to_enter_has_a_button_that_copies_it(ana_browser: Client, guide: str):
    page = ana_browser.get(address(guide)).content.decode()
    buttons = re.findall(r'data-copy="([^"]+)"', page)
    assert len(buttons) == len(set(buttons))
    assert all(page.count(f'id="{button}"') == 1 for button in buttons)
    steps = "".join(
        re.findall(r"<ol.*?</ol>", page, re.DOTALL) + re.findall(r'<td[^>]*data-label="Value.*?</td>', page)
    )
    assert re.findall(r"<code>([^<]*)</code>", steps) == []
    assert page.count("<code>") == len(re.findall(r"<code>(?!http)", page))


@pytest.mark.parametrize("guide", GUIDES)
def test_the_names_of_our_pages_are_links_to_those_that_the_reader_may_see(acme, sign_in, ana_browser, guide: str):
    page = ana_browser.get(address(guide)).content.decode()
    assert "<strong>Settings &gt;" not in page
    assert f'<a href="{ACME}/api-access">Settings &gt; API Access</a>' in page
    role = Role(organization=acme, name="Guard", access=everywhere(Level.NONE) | {"security": "read"})
    role.create_role(by=SETUP)
    guard = sign_in(person(acme, "guard@acme.example", "Gus Guard", "Guard"))
    theirs = guard.get(address(guide)).content.decode()
    assert f'href="{ACME}/api-access' not in theirs
    assert "<strong>Settings &gt; API Access</strong>" in theirs
    assert f'<a href="{ACME}/security">Settings &gt; Security</a>' in theirs


# Markdown -------------------------------------------------------------------------------------------------------------


def shown(text: str) -> str:
    """Return the HTML of a section with `text` in it."""
    return prose.render(f"# Title\n\nLead.\n\n## Section\n\n{text}", {"okta.md": "/okta"}, {}).html


def test_html_in_markdown_is_text():
    assert "<script" not in shown('<script>alert("x")</script>')
    assert "<b" not in shown("A <b onclick='x'>bold</b> word")
    assert "&lt;your address&gt;" in shown("`<your address>`")


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_link_that_would_run_something_is_no_link(target: str):
    assert "href" not in shown(f"[here]({target})")


def test_links_lead_to_pages_and_give_nothing_to_other_sites():
    assert '<a href="/okta">' in shown("[its guide](okta.md)")
    assert '<a href="https://example.com" rel="noopener">' in shown("[there](https://example.com)")


def test_a_table_names_the_column_of_each_cell():
    html = shown("| Role | Meaning |\n|---|---|\n| Admin | Everything |\n| Employee | Nothing |")
    assert 'aria-labelledby="section"' in html
    assert html.count('data-label="Role"') == html.count('data-label="Meaning"') == 2


# Whether what they say is so ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_lists_the_predefined_roles(guide: str):
    assert column(source(guide), "Roles") == list(PREDEFINED)


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_calls_things_as_our_pages_do(acme, ana_browser: Client, guide: str):
    new_key(acme)
    pages = f"{ACME}/security", f"{ACME}/api-access", f"{ACME}/api-access/keys/new"
    words = " ".join(text_of(ana_browser.get(page)) for page in pages)
    for name in NAMES:
        assert name in words
        assert f"**{name}**" in source(guide)


@pytest.fixture
def answers(acme: Organization, ana: Member, okta: IdentityProvider, settings: Any, monkeypatch) -> Answers:
    """Return what our SCIM door answers to whatever the guides explain, each as its status and its detail."""
    with time_machine.travel(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)):
        expired = new_key(acme, expires_on=dt.date(2020, 2, 1)).text
    elsewhere = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    refused = ["", KeyText.generate("scim").text, expired, new_key(acme, "api_read").text, elsewhere]
    responses = [IdentityProvider(key).get("/Users") for key in refused]
    responses += [
        okta.get("/scim/v2/Users"),
        okta.get(f"/Users/{uuid4()}"),
        okta.patch(ana.pk, {"op": "replace", "path": "userName", "value": "new@acme.example"}),
        okta.patch(ana.pk, {"op": "replace", "path": "active", "value": False}),
        okta.create(userType="Emperor"),
        okta.create("bob"),
        okta.create("bob@elsewhere.example"),
        okta.call("POST", "/Groups", {"displayName": "Staff", "members": [{"value": str(uuid4())}]}),
        okta.create("ana@acme.example"),
    ]
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    responses.append(okta.create(nickName="x" * 100))
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    for error in (RuntimeError, OperationalError):
        monkeypatch.setattr(Member, "add", failing(error))
        responses.append(okta.create())
    limits.buckets.cache_clear()
    settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST, settings.BAD_KEY_LIMIT = 0.01, 1, 1
    for idp in (okta, IdentityProvider(KeyText.generate("scim").text)):
        responses.append([idp.get("/Users") for _ in range(2)][-1])
    settings.KEY_RATE_LIMIT = 0
    acme.disable_scim(by=SETUP)
    responses.append(okta.get("/Users"))
    return [(f"{body['status']} {body.get('scimType', '')}".strip(), body["detail"]) for body in map(read, responses)]


def read(response: Any) -> Any:
    return response.json()


def failing(error: type[Exception]) -> Callable[..., None]:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    return fail


def explained(guide: str) -> list[tuple[str, re.Pattern[str]]]:
    """Return the rows of the troubleshooting table: the status, and the quoted words, `…` standing for anything."""
    rows = re.findall(r"^\| (\d{3}[^|]*?) \| “(.+?)” \|", source(guide), re.MULTILINE)
    return [(status, re.compile(re.escape(words).replace("…", ".+"))) for status, words in rows]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_error_that_a_guide_quotes_is_one_of_ours(answers: Answers, guide: str):
    rows = explained(guide)
    assert len(rows) == len(answers)
    for status, words in rows:
        assert any(status == ours and words.search(detail) for ours, detail in answers), words.pattern


@pytest.mark.parametrize("guide", GUIDES)
def test_every_error_of_ours_is_explained_by_a_guide(answers: Answers, guide: str):
    rows = explained(guide)
    for status, detail in answers:
        assert any(theirs == status and words.search(detail) for theirs, words in rows), (status, detail)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_row_of_the_troubleshooting_table_quotes_our_words(guide: str):
    assert len(column(source(guide), "Troubleshooting")) == len(explained(guide)) > 15
