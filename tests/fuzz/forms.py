"""Forms as pages have them: found in the pages, filled in as they stand, then with something odd in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote_plus

from tests.fuzz.chance import DATES, ODD_BYTES, Chance
from tests.fuzz.envelope import MEDIA_TYPES
from tests.fuzz.request import Header, header_value

TOKEN_NAME = "csrfmiddlewaretoken"
TOKEN = "fuzz" * 8
CSRF: tuple[str, str] = (TOKEN_NAME, TOKEN)
BOUNDARY = "----boundary"

Pairs = list[tuple[str, str]]


@dataclass
class Form:
    """A form of a page: fields with the value that they begin with, and what else a list offers."""

    fields: Pairs = field(default_factory=list)
    offers: dict[str, list[str]] = field(default_factory=dict)


class FormFinder(HTMLParser):
    """Collects the forms of a page that are sent by POST."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a field."""
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.open = Form() if (given.get("method") or "").lower() == "post" else None
            if self.open is not None:
                self.forms.append(self.open)
        elif self.open is None or name == TOKEN_NAME:
            return
        elif tag == "option" and self.select:
            self.open.offers.setdefault(self.select, []).append(value)
            if "selected" in given:
                self.open.fields.append((self.select, value))
        elif tag == "select":
            self.select = name
        elif tag in ("input", "textarea", "button") and name:
            self.open.offers.setdefault(name, []).append(value)
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.open.fields.append((name, value))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a form or a list."""
        if tag == "form":
            self.open = None
        elif tag == "select":
            self.select = ""


def forms_in(page: str) -> list[Form]:
    """Return the forms of a page, but for those without a field."""
    finder = FormFinder()
    finder.feed(page)
    return [form for form in finder.forms if form.offers or form.fields]


def filled_in(chance: Chance, form: Form) -> Pairs:
    """Return the fields of a form as a person sends them, or a person who plays with it."""
    pairs = list(form.fields)
    for name in form.offers:
        if chance.once_in(4):
            pairs = [pair for pair in pairs if pair[0] != name] + [(name, chance.pick(form.offers[name]))]
    empty = [name for name in form.offers if not dict(pairs).get(name)]
    pairs += [(name, plausible(chance, name)) for name in empty if chance.once_in(2)]
    while pairs and chance.once_in(2):
        name, _ = pair = chance.pick(pairs)
        pairs.remove(pair)
        pairs += chance.pick(
            (
                [],
                [(name, chance.text())],
                [(name, chance.text())],
                [(name, plausible(chance, name))],
                [pair, (name, chance.text())],
                [(chance.respelled(name), chance.text())],
                [(chance.short_text(), chance.text()), pair],
            )
        )
    return pairs


def plausible(chance: Chance, name: str) -> str:
    """Return what a person might write into a field of this name."""
    if "mail" in name or "login" in name or "contact" in name:
        return f"somebody{chance.randrange(999)}@example.com"
    if "date" in name or "expires" in name:
        return chance.mostly("2030-01-01", DATES, once_in=3)
    if "days" in name or "TOTAL" in name or "INITIAL" in name:
        return chance.mostly(str(chance.randrange(400)), ("0", "-1", "9" * 20, "1.5"), once_in=4)
    if "network" in name:
        return chance.pick(("203.0.113.0/24", "::/0", "1.2.3.4\n5.6.7.8", "1.2.3.4/33", "x", "fe80::1%eth0/64"))
    if "password" in name:
        return chance.mostly("marmalade wobbles over seven hills", ("password", "x" * 5_000), once_in=4)
    return chance.word() + str(chance.randrange(999))


def sent(chance: Chance, pairs: Pairs, headers: list[Header]) -> bytes:
    """Return the body that carries the fields, with the token; add what says how."""
    if not chance.once_in(40):
        pairs = [CSRF, *pairs]
    if chance.once_in(8):
        return in_parts(chance, pairs, headers)
    media_type = chance.mostly("application/x-www-form-urlencoded", MEDIA_TYPES, once_in=30)
    headers.append(("Content-Type", header_value(media_type)))
    body = "&".join(f"{plus(name)}={plus(value)}" for name, value in pairs).encode()
    if chance.once_in(25):
        body += b"&" + chance.pick((b"%", b"%zz=1", b"a=%ff%fe", b"=", b"&&", b"a&b", *ODD_BYTES, b"x=1&" * 3_000))
    return body


def plus(text: str) -> str:
    """Return a text as a form encodes it."""
    return quote_plus(text.encode("utf-8", "surrogatepass"))


def in_parts(chance: Chance, pairs: Pairs, headers: list[Header]) -> bytes:
    """Return the fields as multipart/form-data (RFC 7578), now and then a little wrong."""
    boundary = chance.mostly(BOUNDARY, ("other", "", "a b", "é"), once_in=10)
    headers.append(("Content-Type", f"multipart/form-data; boundary={boundary}"))
    parts = []
    for name, value in pairs:
        disposition = f'form-data; name="{name}"'
        if chance.once_in(12):
            disposition += chance.pick(('; filename="a.txt"', '; filename="../x\0"', "; filename*=utf-8''%ff", "; x"))
        if chance.once_in(12):
            disposition += chance.pick(("\r\nContent-Transfer-Encoding: base64", "\r\nContent-Type: x", "\r\nX"))
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
        parts.append((head + value + "\r\n").encode("utf-8", "surrogatepass"))
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return body[: chance.randrange(len(body) + 1)] if chance.once_in(12) else body
