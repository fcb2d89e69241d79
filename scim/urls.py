"""SCIM's URLs, under the names that django-scim2 gives them. A trailing slash is tolerated."""

from django.urls import re_path

from scim import views

app_name = "scim"

urlpatterns = [
    re_path(r"^Users/\.search/?$", views.UserSearchView.as_view(), name="users-search"),
    re_path(r"^Groups/\.search/?$", views.GroupSearchView.as_view(), name="groups-search"),
    re_path(r"^Users(?:/(?P<uuid>[^/]+))?/?$", views.UsersView.as_view(), name="users"),
    re_path(r"^Groups(?:/(?P<uuid>[^/]+))?/?$", views.GroupsView.as_view(), name="groups"),
    re_path(r"^ServiceProviderConfig/?$", views.ServiceProviderConfigView.as_view(), name="service-provider-config"),
    re_path(r"^ResourceTypes(?:/(?P<uuid>[^/]+))?/?$", views.ResourceTypesView.as_view(), name="resource-types"),
    re_path(r"^Schemas(?:/(?P<uuid>[^/]+))?/?$", views.SchemasView.as_view(), name="schemas"),
    re_path(r"^$", views.ScimView.as_view(implemented=False), name="root"),
    re_path(r"^\.search/?$", views.ScimView.as_view(implemented=False), name="search"),
    re_path(r"^Me/?$", views.ScimView.as_view(implemented=False), name="me"),
    re_path(r"^Bulk/?$", views.ScimView.as_view(implemented=False), name="bulk"),
    re_path(r"", views.not_found, name="not-found"),
]
