"""Turns a guide's Markdown into a page's HTML, with what a page can do and plain Markdown can't.

The same file is read on a code host, so everything here starts from ordinary Markdown: headings get ids for a table of
contents, a table's cells say which column they are in so that a narrow screen can show rows as cards, a code block and
a value to paste get a button that copies them, and the name of a page of ours becomes a link to it. HTML inside the
Markdown is shown as text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
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


# What a guide leaves open for the organization's own values.
PLACEHOLDER = re.compile(r"<[^>]+>")
# The columns of tables that say what to enter begin with this word.
VALUE = "Value"


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


def render(text: str, links: Mapping[str, str], pages: Mapping[str, str]) -> Prose:
    """Return the Markdown `text`, which begins with its title.

    `links` maps the files it links to, to their pages; `pages` maps names that the text sets in bold to addresses.
    """
    markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    for name, rule in RULES.items():
        markdown.add_render_rule(name, rule)
    _, title, _, *tokens = markdown.parse(text)
    sections = name_headings(tokens)
    describe_tables(tokens)
    offer_values(tokens)
    for token in tokens:
        point_links(token.children or [], links)
        link_pages(token.children or [], pages)
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


def offer_values(tokens: Sequence[Token]) -> None:
    """Give an id to each value that a reader pastes somewhere; `code_inline` then renders a button that copies it.

    Such a value is code in a numbered step or in a column of values, and whatever is the organization's own.
    """
    numbers = count(1)
    for content, is_entered in with_context(tokens):
        for token in content.children or []:
            if token.type == "code_inline" and (is_entered or PLACEHOLDER.search(token.content)):
                token.attrSet("id", f"value-{next(numbers)}")


def with_context(tokens: Sequence[Token]) -> Iterator[tuple[Token, bool]]:
    """Yield each token with inline content, and whether it is in a numbered step or in a column of values."""
    steps, in_values = 0, False
    for token in tokens:
        if token.tag == "ol":
            steps += token.nesting
        elif token.type == "td_open":
            in_values = str(token.attrGet("data-label")).startswith(VALUE)
        elif token.type == "td_close":
            in_values = False
        elif token.type == "inline":
            yield token, bool(steps) or in_values


def link_pages(tokens: Sequence[Token], pages: Mapping[str, str]) -> None:
    """Turn a name in bold into a link, if `pages` has it."""
    for opening, name, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "strong_open" and name.content in pages:
            opening.type, opening.tag = "link_open", "a"
            opening.attrSet("href", pages[name.content])
            closing.type, closing.tag = "link_close", "a"


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


def code_inline(self: RendererHTML, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
    """Render code in a line; a value gets a button that copies it."""
    token = tokens[idx]
    if not (value_id := token.attrGet("id")):
        return str(self.code_inline(tokens, idx, options, env))
    return render_to_string("guides/value.html", {"id": value_id, "value": token.content})


RULES = {
    "fence": code_block,
    "code_inline": code_inline,
    "table_open": around('<div class="table-card">', ""),
    "table_close": around("", "</div>"),
    # What is in a cell stays together when the cell is a row of a card.
    "td_open": around("", "<div>"),
    "td_close": around("</div>", ""),
}
