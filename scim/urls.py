"""SCIM's URLs, under the names that django-scim2 gives them. A trailing slash is tolerated."""

from django.urls import re_path

from scim.views import base, bulk, discovery, groups, me, roles, search, users

app_name = "scim"

# Most requests are about users, so those come first.
RESOURCE = r"(?:/(?P<uuid>(?!\.search/?$)[^/]+))?/?$"

urlpatterns = [
    re_path(rf"^Users{RESOURCE}", users.UsersView.as_view(), name="users"),
    re_path(rf"^Groups{RESOURCE}", groups.GroupsView.as_view(), name="groups"),
    re_path(rf"^Roles{RESOURCE}", roles.RolesView.as_view(), name="roles"),
    re_path(r"^Users/\.search/?$", search.UserSearchView.as_view(), name="users-search"),
    re_path(r"^Groups/\.search/?$", search.GroupSearchView.as_view(), name="groups-search"),
    re_path(r"^Roles/\.search/?$", search.RoleSearchView.as_view(), name="roles-search"),
    re_path(r"^ServiceProviderConfig/?$", discovery.ConfigView.as_view(), name="service-provider-config"),
    re_path(r"^ResourceTypes(?:/(?P<uuid>[^/]+))?/?$", discovery.ResourceTypesView.as_view(), name="resource-types"),
    re_path(r"^Schemas(?:/(?P<uuid>[^/]+))?/?$", discovery.SchemasView.as_view(), name="schemas"),
    re_path(r"^$", search.RootView.as_view(), name="root"),
    re_path(r"^\.search/?$", search.SearchView.as_view(), name="search"),
    re_path(r"^Me/?$", me.MeView.as_view(), name="me"),
    re_path(r"^Bulk/?$", bulk.BulkView.as_view(), name="bulk"),
    re_path(r"", base.not_found, name="not-found"),
]
