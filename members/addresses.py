"""Addresses of the settings pages: `/settings/<Organization ID>/…`.

The path names the organization, so that a link, a form or a tab always means the same one. A short address
(`/settings/members`) names none; it leads to the organization that the session used last.
"""

import re
from typing import Any

from django.urls import is_valid_path, register_converter, reverse

from members.ids import ORGANIZATION_ID

SETTINGS_PATH = "/settings/"


class OrganizationIdConverter:
    """Reads an Organization ID from a path."""

    regex = ORGANIZATION_ID

    def to_python(self, value: str) -> str:
        """Return the id."""
        return value

    def to_url(self, value: str) -> str:
        """Return the id."""
        return value


register_converter(OrganizationIdConverter, "organization_id")


def page_path(organization_id: str, name: str, *args: Any) -> str:
    """Return the path of the settings page called `name`, in the organization with this Organization ID."""
    return reverse(name, args=[organization_id, *args])


def named_organization(path: str) -> str:
    """Return the text at the place of the Organization ID in the path of a settings page."""
    return path.removeprefix(SETTINGS_PATH).partition("/")[0]


def is_short(path: str) -> bool:
    """Whether `path` leads to a settings page and names no organization."""
    return not re.fullmatch(ORGANIZATION_ID, named_organization(path)) and bool(is_valid_path(path))
