"""Applies the operations of a PATCH to a User, each as its path calls for (RFC 7644 §3.5.2).

A filter that matches nothing describes the value to create if it says what kind of value is meant: Microsoft Entra
sends `emails[type eq "work"].value` to set an address that isn't there yet. A filter on anything else looks for a value
that exists, and so does a path to a part of every value. If there is none, the answer is `noTarget` (§3.5.2.3).
"""

from collections.abc import Iterator
from enum import Enum, auto
from itertools import groupby
from typing import Any

from django.conf import settings
from scim2_models import NoTargetException, PatchOp, Path, ScimPolicy, TooManyException
from scim2_models.path import Comparison, FilterNode, LogicalExpr

from scim.filters.compiler import count_terms
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
    TooManyException past `SCIM_PATCH_WORK_LIMIT`, and what else scim2-models raises.
    """
    check_work(patch, user)
    for target, operations in groupby(patch.operations or [], key=target_of):
        same = list(operations)
        if target is Target.EVERY_VALUE:
            for operation in same:
                require_values(path_of(operation), user)
        policy = ONLY_EXISTING if target is Target.SELECTED else POLICY
        PatchOp[FullUser].model_construct(operations=same).patch(user, scim_policy=policy)


def check_work(patch: PatchOp[FullUser], user: FullUser) -> None:
    """Raise TooManyException if the operations go through more values than `SCIM_PATCH_WORK_LIMIT`, all told.

    Each goes through all values of the attribute that it changes, and asks each of them all that its filter asks. The
    member is locked meanwhile. One operation alone is always carried out.
    """
    limit, operations = settings.SCIM_PATCH_WORK_LIMIT, patch.operations or []
    if limit and len(operations) > 1 and sum(steps(operations, user)) > limit:
        raise TooManyException(detail=f"The operations go through more than {limit} values; send fewer at once.")


def steps(operations: list[Any], user: FullUser) -> Iterator[int]:
    """Yield how many values each operation goes through, those that operations before it may have added too."""
    lengths: dict[str, int] = {}
    for operation in operations:
        path = path_of(operation)
        binding = path.resolve()
        if binding is not None and binding.is_multivalued:
            name = binding.field_name
            length = lengths.setdefault(name, len(getattr(user, name, None) or ()))
            yield length * (1 if path.value_filter is None else count_terms(path.value_filter))
            lengths[name] += most_added(operation)


def most_added(operation: Any) -> int:
    """Return how many values an operation on a list may add to it."""
    path = path_of(operation)
    binding = path.resolve()
    if operation.op == "remove" or (path.value_filter is not None and not describes(path.value_filter)):
        return 0
    if path.value_filter is None and binding is not None and binding.sub_field_name is not None:
        return 0
    return len(operation.value) if isinstance(operation.value, list) else 1


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
