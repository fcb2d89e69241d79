"""The rooms of the settings, in the order in which they are shown, and which of them a member may enter.

A new room is a line here; the navigation, the tabs and the landing page follow.
"""

from dataclasses import dataclass

from members.addresses import page_path
from members.models import Level, Member, Scope


@dataclass(frozen=True, slots=True)
class Room:
    """A page of the settings: `url` names its URL, `icon` a Heroicon, `tab` says that it shares the product's tabs."""

    scope: Scope
    url: str
    icon: str
    tab: bool = False

    def path_in(self, organization_id: str) -> str:
        """Return the room's own path in an organization; its pages lie below."""
        return page_path(organization_id, self.url)


ROOMS = (
    Room(Scope.SECURITY, "security", "shield-check", tab=True),
    Room(Scope.API_ACCESS, "api-access", "key", tab=True),
    Room(Scope.MEMBERS, "members", "users"),
)


def rooms_of(member: Member) -> list[Room]:
    """Return the rooms that `member` may at least look into."""
    return [room for room in ROOMS if member.can(room.scope, Level.READ)]
