"""Applies the operations of a PATCH to a User, each as its path calls for (RFC 7644 §3.5.2).

A filter that matches nothing describes the value to create if it says what kind of value is meant: Microsoft Entra
sends `emails[type eq "work"].value` to set an address that isn't there yet. A filter on anything else looks for a value
that exists, and so does a path to a part of every value. If there is none, the answer is `noTarget` (§3.5.2.3).
"""

from enum import Enum, auto
from itertools import groupby
from typing import Any

from scim2_models import NoTargetException, PatchOp, Path, ScimPolicy
from scim2_models.path import Comparison, FilterNode, LogicalExpr

from scim.schemas import POLICY, FullUser

DESCRIBING = {"type", "primary"}
ONLY_EXISTING = POLICY.model_copy(update={"unmatched_path_filter": ScimPolicy.UnmatchedPathFilter.forbid})


class Target(Enum):
    """What the path of an operation does where it meets no value."""

    CREATED = auto()
    SELECTED = auto()
    EVERY_VALUE = auto()


def apply_patch(patch: PatchOp[FullUser], user: FullUser) -> None:
    """Make `user` what the operations of `patch` say, in their order. If one fails, throw `user` away.

    Operations of the same kind are applied together: to apply some costs a copy of the user. Raises NoTargetException,
    and what else scim2-models raises.
    """
    for target, operations in groupby(patch.operations or [], key=target_of):
        same = list(operations)
        if target is Target.EVERY_VALUE:
            for operation in same:
                require_values(path_of(operation), user)
        policy = ONLY_EXISTING if target is Target.SELECTED else POLICY
        PatchOp[FullUser].model_construct(operations=same).patch(user, scim_policy=policy)


def path_of(operation: Any) -> Path[FullUser]:
    """Return the path of an operation, that of the whole resource if it has none."""
    return Path[FullUser](operation.path or "")


def target_of(operation: Any) -> Target:
    """Return what an operation does where its path meets no value."""
    path = path_of(operation)
    if path.value_filter is not None:
        return Target.CREATED if describes(path.value_filter) else Target.SELECTED
    binding = path.resolve() if operation.op != "remove" else None
    into_a_list = binding is not None and binding.is_multivalued and binding.sub_field_name is not None
    return Target.EVERY_VALUE if into_a_list else Target.CREATED


def describes(node: FilterNode) -> bool:
    """Whether a filter says what kind of value is meant, rather than which one."""
    if isinstance(node, LogicalExpr):
        return all(describes(term) for term in node.terms)
    return isinstance(node, Comparison) and node.attr_path.attr.lower() in DESCRIBING


def require_values(path: Path[FullUser], user: FullUser) -> None:
    """Raise NoTargetException if the attribute that `path` leads into has no value."""
    if path.get(user) is None:
        raise NoTargetException(detail=f"{str(path)[:100]} has no value to change: name the attribute itself.")
