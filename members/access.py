"""Who may open or change a settings page: the level that the member's role has in the page's scope."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from members.middleware import MemberRequest
from members.models import Level, Scope

P = ParamSpec("P")
View = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


# What a view declares that it needs: a level in a scope, or of a member no more than that they are signed in.
Needs = tuple[Scope, Level] | None
V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def declaring(view: V, needs: Needs) -> V:
    """Return the view, which declares what it needs (`torii_settings.access_table`)."""
    view.needs = needs  # type: ignore[attr-defined]
    return view


def for_every_member(view: V) -> V:
    """Declare that a view is for whoever is signed in and a member, whatever their role; `CurrentMember` sees to it."""
    return declaring(view, None)


def requires(scope: Scope, level: Level = Level.READ) -> Callable[[View[P]], View[P]]:
    """Let a view be used only by members who have `level` in `scope`; anybody else gets the 403 page."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.member.can(scope, level):
                raise PermissionDenied(f"Your role, {request.member.role}, may not {level} in {scope.label}.")
            return view(request, *args, **kwargs)

        return declaring(guarded, (scope, level))

    return decorate
