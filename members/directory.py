"""What a directory says of a person or a group: the one shape in which people reach the models.

The SCIM door, the web form and the management commands all write a profile and hand it to the same verb.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

# Characters of a name, as Member has room for.
LONGEST_NAME = 254


@dataclass(slots=True)
class DirectoryProfile:
    """A person as a directory describes them.

    `active` and `role_name` are None when the directory does not speak of them: a new member is then active and an
    Employee, an existing one keeps what they have. A `role_name` assigns that role, also to who has it already, so that
    the order of calls doesn't matter; an empty one takes the assignment back, and the member has the highest role of
    their groups, or else is an Employee. `attributes` holds every other SCIM attribute under its own name (RFC 7643
    §4.1), extensions under their URN.
    """

    user_name: str
    external_id: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    active: bool | None = None
    role_name: str | None = None

    @classmethod
    def of_person(
        cls, user_name: str, given_name: str = "", family_name: str = "", role_name: str = ""
    ) -> "DirectoryProfile":
        """Return the profile of somebody added by hand: their userName is also their work e-mail address."""
        return cls(
            user_name=user_name,
            given_name=given_name,
            family_name=family_name,
            # Each name may be as long as both together may be.
            display_name=f"{given_name} {family_name}".strip()[:LONGEST_NAME],
            attributes={"emails": [{"value": user_name, "type": "work", "primary": True}]},
            role_name=role_name,
        )


@dataclass(slots=True)
class GroupProfile:
    """A group as a directory describes it, and what becomes of its members.

    `replace_members` is the whole new membership, or None when the directory only adds and removes some.
    """

    display_name: str
    external_id: str = ""
    replace_members: set[UUID] | None = None
    add_members: set[UUID] = field(default_factory=set)
    remove_members: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class RoleProfile:
    """A role as a directory describes it; what it gives access to is not for a directory to say."""

    name: str
    description: str = ""
    external_id: str = ""
