"""`/.search`: a list asked for in a body (RFC 7644 §3.4.3), of one resource type or, at the root, of all."""

from typing import ClassVar

from django.http import HttpResponse

from scim.authentication import ScimRequest
from scim.body import read_object
from scim.paging import Listing
from scim.query import ListQuery
from scim.schemas import SEARCH_URN
from scim.views.base import ScimView, render
from scim.views.groups import GroupsView
from scim.views.resources import ResourceView
from scim.views.roles import RolesView
from scim.views.users import UsersView


class SearchView(ScimView):
    """`/.search` at the root: all resource types."""

    http_method_names: tuple[str, ...] = ("post", "options")
    searched: ClassVar[tuple[type[ResourceView], ...]] = (UsersView, GroupsView, RolesView)

    def post(self, request: ScimRequest) -> HttpResponse:
        """Return the page that the SearchRequest asks for."""
        return self.answer(request, ListQuery.of(read_object(request, SEARCH_URN)))

    def answer(self, request: ScimRequest, query: ListQuery) -> HttpResponse:
        """Return the page that `query` asks for."""
        views = [view() for view in self.searched]
        for view in views:
            view.setup(request)
        scope = (request.organization.pk, *(view.resource_type for view in views))
        return render(Listing(query, [view.source(query.projection) for view in views], *scope).response())


class UserSearchView(SearchView):
    """`/Users/.search`."""

    searched = (UsersView,)


class GroupSearchView(SearchView):
    """`/Groups/.search`."""

    searched = (GroupsView,)


class RoleSearchView(SearchView):
    """`/Roles/.search`."""

    searched = (RolesView,)


class RootView(SearchView):
    """The base URL itself: a query of all resource types (RFC 7644 §3.4.2.1)."""

    http_method_names = ("get", "head", "options")

    def get(self, request: ScimRequest) -> HttpResponse:
        """Return the page that the parameters ask for."""
        return self.answer(request, ListQuery.of(request.GET.dict()))
