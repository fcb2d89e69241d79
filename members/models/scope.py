"""Scopes and levels: what access is made of, whether a role gives it or a key has it."""

from collections.abc import Mapping

from django.db import models
from django.utils.text import get_text_list


class Scope(models.TextChoices):
    """What a role gives access to: a room of the settings."""

    SECURITY = "security", "Security"
    API_ACCESS = "api_access", "API Access"
    MEMBERS = "members", "Members"
    ROLES = "roles", "Roles"
    AUDIT_LOG = "audit_log", "Audit log"


class Level(models.TextChoices):
    """How much access: none, look only, or look and change."""

    NONE = "none", "None"
    READ = "read", "Read"
    ACT = "act", "Act"


# The level in each scope; a scope that is missing counts as none.
Access = Mapping[str, str]

RANK = {Level.NONE.value: 0, Level.READ.value: 1, Level.ACT.value: 2}


def everywhere(level: Level) -> dict[str, str]:
    """Return an access map that gives `level` in every scope."""
    return {scope.value: level.value for scope in Scope}


def rank(access: Access, scope: Scope) -> int:
    """Return how much access there is in `scope`, as a number that can be compared."""
    return RANK[access.get(scope.value, Level.NONE.value)]


def covers(own: Access, other: Access) -> bool:
    """Whether `own` gives, in every scope, at least what `other` gives."""
    return all(rank(own, scope) >= rank(other, scope) for scope in Scope)


def lesser(one: Access, other: Access) -> dict[str, str]:
    """Return what both give: in each scope the lower of their two levels."""
    return {
        scope.value: min(one, other, key=lambda access: rank(access, scope)).get(scope.value, Level.NONE.value)
        for scope in Scope
    }


def in_words(access: Access) -> str:
    """Return a sentence that says what an access map allows."""
    change, look = (
        get_text_list([scope.label for scope in Scope if access.get(scope.value) == level], "and")
        for level in (Level.ACT, Level.READ)
    )
    what = [f"{verb} {text}" for verb, text in (("see and change", change), ("see", look)) if text]
    return f"May {', and '.join(what)}." if what else "Has no access to the settings."
