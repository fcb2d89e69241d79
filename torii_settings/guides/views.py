"""Settings > Security > Set-up guides: how to connect an identity provider, with only the key left to fill in."""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import escape

from members.access import requires
from members.addresses import page_path
from members.ids import organization_id
from members.middleware import MemberRequest
from members.models import Organization, Scope
from members.navigation import Room, rooms_of
from torii_settings.guides import prose


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide for one identity provider: `slug` names its address, its URL and its file."""

    slug: str
    provider: str

    @property
    def url(self) -> str:
        """The name of the guide's URL."""
        return f"guide-{self.slug}"

    @property
    def file(self) -> str:
        """The guide's file in `docs/`."""
        return f"{self.slug}.md"


# What a guide has in the place of the Organization ID.
ORGANIZATION_ID = "<Organization ID>"

GUIDES = (Guide("okta", "Okta"), Guide("entra", "Microsoft Entra ID"))


@requires(Scope.SECURITY)
def guide_page(request: MemberRequest, guide: Guide) -> HttpResponse:
    """Show a guide, and above it what is to be pasted into the identity provider."""
    organization = request.organization
    text = read(guide, tuple(rooms_of(request.member)))
    context = {
        "text": text,
        "lead": fill_in(text.lead, organization),
        "html": fill_in(text.html, organization),
        "domains": organization.domain_names(),
        "roles": organization.roles.values_list("name", flat=True),
    }
    return render(request, "guides/guide.html", context)


@lru_cache(maxsize=64)
def read(guide: Guide, rooms: tuple[Room, ...]) -> prose.Prose:
    """Return a guide as it is for every organization, with links to those of our pages that its reader may see.

    The files change only when the service is deployed anew.
    """
    text = (settings.BASE_DIR / "docs" / guide.file).read_text(encoding="utf-8")
    return prose.render(
        text,
        links={other.file: path_to_fill_in(other.url) for other in GUIDES},
        pages={f"Settings > {room.scope.label}": path_to_fill_in(room.url) for room in rooms},
    )


def path_to_fill_in(name: str) -> str:
    """Return the path of a settings page with a placeholder where the Organization ID belongs."""
    example = organization_id()
    return page_path(example, name).replace(example, ORGANIZATION_ID)


def fill_in(html: str, organization: Organization) -> str:
    """Return the guide with the organization's own values in the place of what stands for them."""
    own = {"<your address>": settings.BASE_URL, ORGANIZATION_ID: str(organization.public_id)}
    for placeholder, value in own.items():
        html = html.replace(escape(placeholder), escape(value))
    return html
