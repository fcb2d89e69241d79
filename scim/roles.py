"""Which role a directory gives a member: `userType` says it; where it doesn't, a value of `roles` may.

Okta's entitlements and Entra's app roles come as `roles`, whose values name a role by its name or by the id under which
/Roles lists it. Values that name none of our roles are kept and mean nothing here.
"""

from typing import Any

from members.models import Member, Organization, Role

Values = list[dict[str, Any]]


def role_to_give(
    organization: Organization, member: Member | None, user_type: str | None, values: Values, *, is_replacement: bool
) -> str | None:
    """Return the name of the role to give, "" for none of its own, None to leave things as they are.

    `user_type` is what was said of userType, None if nothing was. `values` are the `roles` that the member is to have;
    they speak when they come for the first time or change, so that a PATCH of something else doesn't bring back a role
    that an admin has changed since. A role that `roles` gave goes when they no longer name it.

    In a PUT (`is_replacement`) a userType may be what the client read here and sends back, as Okta does with all it
    reads. Where it only repeats a role that came from `roles`, which change now, or from the member's groups, nothing
    was said: else an entitlement could never be changed, and the first PUT would fix a role that a group gives.
    """
    before: Values = member.attributes.get("roles", []) if member else []
    changed = values != before
    by_values = bool(changed and member and role_named_in(before, [], organization) == member.role)
    if user_type and member and is_replacement and (by_values or not member.role_is_assigned):
        user_type = None if user_type.lower() == member.role.name.lower() else user_type
    if user_type:
        return user_type
    if (changed or user_type == "") and (named := role_named_in(values, before, organization)):
        return named.name
    return "" if by_values else user_type


def role_named_in(values: Values, before: Values, organization: Organization) -> Role | None:
    """Return the role that `values` name: the highest of several.

    Where one of them is primary there is to be one role. Then the primary one counts, unless there are values which
    were not there `before`: Entra's SingleAppRoleAssignment adds the new role and leaves the old one, still primary.
    """
    if not values:
        return None
    known = {key: role for role in organization.roles.all() for key in (role.name.lower(), str(role.public_id))}
    is_single = any(value.get("primary") for value in values)
    named = [
        ((is_single and bool(before) and value not in before, bool(value.get("primary")), role.height), role)
        for value in values
        for text in (value.get("value"), value.get("display"))
        if isinstance(text, str) and (role := known.get(text.strip().lower()))
    ]
    return max(named, key=lambda found: found[0])[1] if named else None
