"""SCIM's URLs, under the names that django-scim2 gives them. A trailing slash is tolerated."""

from django.urls import re_path

from scim.views import base, discovery, resources

app_name = "scim"

urlpatterns = [
    re_path(r"^Users/\.search/?$", resources.UserSearchView.as_view(), name="users-search"),
    re_path(r"^Groups/\.search/?$", resources.GroupSearchView.as_view(), name="groups-search"),
    re_path(r"^Users(?:/(?P<uuid>[^/]+))?/?$", resources.UsersView.as_view(), name="users"),
    re_path(r"^Groups(?:/(?P<uuid>[^/]+))?/?$", resources.GroupsView.as_view(), name="groups"),
    re_path(r"^ServiceProviderConfig/?$", discovery.ConfigView.as_view(), name="service-provider-config"),
    re_path(r"^ResourceTypes(?:/(?P<uuid>[^/]+))?/?$", discovery.ResourceTypesView.as_view(), name="resource-types"),
    re_path(r"^Schemas(?:/(?P<uuid>[^/]+))?/?$", discovery.SchemasView.as_view(), name="schemas"),
    re_path(r"^$", base.ScimView.as_view(implemented=False), name="root"),
    re_path(r"^\.search/?$", base.ScimView.as_view(implemented=False), name="search"),
    re_path(r"^Me/?$", base.ScimView.as_view(implemented=False), name="me"),
    re_path(r"^Bulk/?$", base.ScimView.as_view(implemented=False), name="bulk"),
    re_path(r"", base.not_found, name="not-found"),
]
