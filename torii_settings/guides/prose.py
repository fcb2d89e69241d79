"""Turns a guide's Markdown into a page's HTML, with what a page can do and plain Markdown can't.

The same file is read on a code host, so everything here starts from ordinary Markdown: headings get ids for a table of
contents, a table's cells say which column they are in so that a narrow screen can show rows as cards, and a code block
gets a button that copies it. HTML inside the Markdown is shown as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.template.loader import render_to_string
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

ROLES = {
    "table_open": "table",
    "thead_open": "rowgroup",
    "tbody_open": "rowgroup",
    "tr_open": "row",
    "th_open": "columnheader",
    "td_open": "cell",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: `id` is the anchor of its heading."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A text as a page shows it: its title, the HTML of what comes before the first section, and of the sections."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    html: str


def render(text: str, links: Mapping[str, str]) -> Prose:
    """Return the Markdown `text`, which begins with its title. `links` maps the files it links to, to their pages."""
    markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    for name, rule in RULES.items():
        markdown.add_render_rule(name, rule)
    _, title, _, *tokens = markdown.parse(text)
    sections = name_headings(tokens)
    describe_tables(tokens)
    for token in tokens:
        point_links(token.children or [], links)
    first = next(place for place, token in enumerate(tokens) if token.tag == "h2")
    lead, html = (markdown.renderer.render(part, markdown.options, {}) for part in (tokens[:first], tokens[first:]))
    return Prose(title.content, lead, sections, html)


def name_headings(tokens: Sequence[Token]) -> tuple[Section, ...]:
    """Give every heading an id, and return the sections that those of the second level begin."""
    sections = []
    for heading, title in pairwise(tokens):
        if heading.type == "heading_open":
            section = Section(slugify(title.content), title.content)
            heading.attrSet("id", section.id)
            if heading.tag == "h2":
                sections.append(section)
    return tuple(sections)


def describe_tables(tokens: Sequence[Token]) -> None:
    """Name each table after the heading above it, and each cell after its column.

    The roles say again what the elements are, because a table that is laid out as cards is no table to a browser.
    """
    heading, cells = "", 0
    columns: list[str] = []
    for token, content in pairwise(tokens):
        if token.type in ROLES:
            token.attrSet("role", ROLES[token.type])
        if token.type == "heading_open":
            heading = str(token.attrGet("id"))
        elif token.type == "table_open":
            token.attrSet("class", "table")
            token.attrSet("aria-labelledby", heading)
            columns = []
        elif token.type == "tr_open":
            cells = 0
        elif token.type == "th_open":
            token.attrSet("scope", "col")
            columns.append(content.content)
        elif token.type == "td_open":
            token.attrSet("data-label", columns[cells])
            cells += 1


def point_links(tokens: Sequence[Token], links: Mapping[str, str]) -> None:
    """Lead a link to another guide's file to its page, and give a link to another site nothing of this one."""
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href"))
            token.attrSet("href", links.get(target, target))
            if "://" in target:
                token.attrSet("rel", "noopener")


# Render rules: markdown-it calls each for its kind of token ----------------------------------------------------------


def around(before: str, after: str) -> Any:
    """Return a rule that renders a token as usual, between `before` and `after`."""

    def rule(self: RendererHTML, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"{before}{self.renderToken(tokens, idx, options, env)}{after}"

    return rule


def code_block(self: RendererHTML, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
    """Render a code block with a button that copies it; the line where it begins makes its id."""
    line, _ = tokens[idx].map or (0, 0)
    return render_to_string("guides/code_block.html", {"id": f"code-{line}", "code": tokens[idx].content.strip()})


RULES = {
    "fence": code_block,
    "table_open": around('<div class="table-card">', ""),
    "table_close": around("", "</div>"),
    # What is in a cell stays together when the cell is a row of a card.
    "td_open": around("", "<div>"),
    "td_close": around("</div>", ""),
}
