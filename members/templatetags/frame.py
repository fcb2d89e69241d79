"""What the frame around a page and the fields of a form need to know."""

from typing import Any

from django import forms, template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from members.addresses import page_path
from members.models import Level, Member, Scope
from members.navigation import rooms_of

register = template.Library()


@register.simple_tag(takes_context=True)
def rooms(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rooms that the signed-in member may see; `current` is "page", "true" (a page below) or ""."""
    request: HttpRequest = context["request"]
    member: Member = request.member  # type: ignore[attr-defined]
    organization_id = member.organization.public_id
    paths = {room: room.path_in(organization_id) for room in rooms_of(member)}
    return [{"room": room, "path": path, "current": current(request.path, path)} for room, path in paths.items()]


@register.simple_tag(takes_context=True, name="page_path")
def page_path_tag(context: dict[str, Any], name: str, *args: Any) -> str:
    """Return the path of a settings page, as `{% url %}` does, in the organization that the request is about."""
    return page_path(context["request"].organization.public_id, name, *args)


@register.simple_tag(takes_context=True)
def start_path(context: dict[str, Any]) -> str:
    """Return where the settings begin: those of the organization that the request is about, if it is about one."""
    organization = getattr(context.get("request"), "organization", None)
    return page_path(organization.public_id, "organization") if organization else reverse("settings")


def current(path: str, room: str) -> str:
    """Return the value of `aria-current` for a link to `room` on the page at `path`."""
    if path == room:
        return "page"
    return "true" if path.startswith(f"{room}/") else ""


@register.filter
def acts(member: Member, scope: str) -> bool:
    """Whether `member` may change things in `scope`."""
    return member.can(Scope(scope), Level.ACT)


@register.filter
def reads(member: Member, scope: str) -> bool:
    """Whether `member` may see things in `scope`."""
    return member.can(Scope(scope), Level.READ)


@register.filter
def initials(name: str) -> str:
    """Return the first letters of the first and last word of `name`, as in "AA" for Ana Admin."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def control(field: forms.BoundField, **attributes: Any) -> SafeString:
    """Render the control of `field` with `attributes`, `aria_label` standing for aria-label.

    What a library's placeholder would say is in the label.
    """
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return field.as_widget(attrs={"placeholder": False} | named)
