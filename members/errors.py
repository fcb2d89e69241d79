"""What members refuse, as nouns of our own; each door translates them once.

Every error carries `detail`, a sentence for the person who can mend it.
"""

from typing import Self
from uuid import UUID

from django.core.exceptions import PermissionDenied

from lib.plain_text import quoted


class MemberError(Exception):
    """Base of what members refuse."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BeyondPower(MemberError, PermissionDenied):
    """Whoever acts may not do this, or may not do it any more; Django answers a page's with the 403 page."""

    @classmethod
    def in_scope(cls, label: str, scope: str) -> Self:
        """Return the refusal for whoever may not act in a scope."""
        return cls(f"{label} may not act in {scope}.")

    @classmethod
    def over_role(cls, label: str, role: str) -> Self:
        """Return the refusal for whoever has less access than a role that is to be given, taken or edited."""
        return cls(f'The role "{role}" gives more access than {label} has: nobody gives or takes more than they have.')

    @classmethod
    def over_maker(cls, label: str, maker: str) -> Self:
        """Return the refusal for a key that is to reactivate the member who made it."""
        return cls(
            f"{maker} made the key {label}, and no key reactivates whoever made it. Reactivate {maker} in Settings > "
            "Members, or use a key that somebody else made."
        )


class UserNameTaken(MemberError):
    """Another member of the organization has this userName, in whatever case."""

    def __init__(self, user_name: str) -> None:
        super().__init__(f'A member with the userName "{quoted(user_name)}" already exists in this organization.')


class UserNameImmutable(MemberError):
    """A userName can't be updated."""

    def __init__(self, current: str) -> None:
        super().__init__(
            f"userName can't be updated: this member's is \"{quoted(current)}\". "
            "Create a new member for the new address and deactivate this one."
        )


class UserNameInvalid(MemberError):
    """A userName that is no e-mail address, or whose domain the organization has not approved."""


class TextUnfit(MemberError):
    """A name holds a character that none may have; `character` is its code, as in "U+000A"."""

    def __init__(self, name: str, character: str) -> None:
        super().__init__(f"{name} holds {character}, a character that can't be seen or breaks a line: leave it out.")


class UnknownRole(MemberError):
    """No role of the organization has this name."""


class LastAdmin(MemberError):
    """The organization would be left without an active Admin."""

    def __init__(self) -> None:
        super().__init__(
            "This would leave the organization without an Admin: the last active Admin can't be demoted, deactivated "
            "or removed. Give another active member the Admin role first."
        )


class AdminNotAssignable(MemberError):
    """The organization doesn't let its identity provider make Admins."""

    def __init__(self) -> None:
        super().__init__(
            "This would make somebody an Admin, which this organization doesn't let its identity provider do. An Admin "
            "can allow it in Settings > Security, or give the role in Settings > Members."
        )


class UnknownGroupMember(MemberError):
    """A group was to have members whom the organization doesn't have."""

    def __init__(self, unknown: set[UUID]) -> None:
        first = sorted(str(pk) for pk in unknown)[:5]
        super().__init__(f"The organization has no member with the id {', '.join(first)}: create the member first.")


class RoleNameTaken(MemberError):
    """Another role of the organization has this name, in whatever case."""

    def __init__(self, name: str) -> None:
        super().__init__(f'The organization already has a role with the name "{quoted(name)}".')


class RoleLocked(MemberError):
    """A predefined role can't be edited or deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(f'"{name}" is a predefined role: it can\'t be edited or deleted.')


class RoleInUse(MemberError):
    """A role that members or groups still have can't be deleted."""

    @classmethod
    def by_members(cls, name: str, members: int) -> Self:
        """Return the refusal for a role that this many members have."""
        people = "1 member has" if members == 1 else f"{members} members have"
        return cls(f'{people} the role "{name}". Give them another role before deleting it.')

    @classmethod
    def by_groups(cls, name: str, group: str, groups: int) -> Self:
        """Return the refusal for a role that this many groups have, `group` among them."""
        others = {1: "has", 2: "and 1 other group have"}.get(groups, f"and {groups - 1} other groups have")
        them = "it" if groups == 1 else "them"
        return cls(
            f'The group "{group}" {others} the role "{name}". Give {them} another role, or none, before deleting it.'
        )


class NobodyToErase(MemberError):
    """An organization knows nobody by an address, or nobody who has left."""

    def __init__(self, address: str) -> None:
        super().__init__(f"Nobody who could be erased has had the address {quoted(address)} in this organization.")


class OwnErasure(MemberError):
    """Somebody wants to erase themselves, and would be named as the one who did it."""

    def __init__(self) -> None:
        super().__init__("Nobody can erase themselves. Have another Admin do it.")
