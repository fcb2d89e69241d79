"""Who may open or change a settings page: the level that the member's role has in the page's scope."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from members.middleware import MemberRequest
from members.models import Level, Scope

P = ParamSpec("P")
View = Callable[Concatenate[MemberRequest, P], HttpResponseBase]
# As the URLconf calls it: with the Organization ID.
Page = Callable[..., HttpResponseBase]


def requires(scope: Scope, level: Level = Level.READ) -> Callable[[View[P]], Page]:
    """Let a view be used only by members who have `level` in `scope`; anybody else gets the 403 page.

    The view doesn't get the Organization ID from its path: `request.organization` is that organization.
    """

    def decorate(view: View[P]) -> Page:
        @wraps(view)
        def guarded(
            request: MemberRequest, organization_id: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.member.can(scope, level):
                raise PermissionDenied(f"Your role, {request.member.role}, may not {level} in {scope.label}.")
            return view(request, *args, **kwargs)

        # What the view declares that it needs, for `torii_settings.access_table`.
        guarded.needs = (scope, level)  # type: ignore[attr-defined]
        return guarded

    return decorate


def for_admins(why: str) -> Callable[[View[P]], View[P]]:
    """Let a view be used by Admins alone, and tell anybody else why; put it below `requires`."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.member.role.is_admin:
                raise PermissionDenied(why)
            return view(request, *args, **kwargs)

        guarded.is_for_admins = True  # type: ignore[attr-defined] # for `torii_settings.access_table`
        return guarded

    return decorate
