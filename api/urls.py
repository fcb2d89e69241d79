"""The REST API's addresses. None ends in a slash, and any other is a 404 in the API's own words."""

from django.urls import path, re_path

from api import leaked_keys
from api.views import api_keys, audit_events, base, groups, members, organization, roles, schema

app_name = "api"

urlpatterns = [
    path("organization", organization.OrganizationView.as_view(), name="organization"),
    path("members", members.MemberListView.as_view(), name="members"),
    path("members/<str:member_id>", members.MemberView.as_view(), name="member"),
    path("members/<str:member_id>/role", members.MemberRoleView.as_view(), name="member-role"),
    path("members/<str:member_id>/deactivation", members.MemberDeactivationView.as_view(), name="member-deactivation"),
    path("members/<str:member_id>/reactivation", members.MemberReactivationView.as_view(), name="member-reactivation"),
    path("roles", roles.RoleListView.as_view(), name="roles"),
    path("roles/<str:role_id>", roles.RoleView.as_view(), name="role"),
    path("groups", groups.GroupListView.as_view(), name="groups"),
    path("groups/<str:group_id>", groups.GroupView.as_view(), name="group"),
    path("groups/<str:group_id>/members", groups.GroupMemberListView.as_view(), name="group-members"),
    path("api-keys", api_keys.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<str:key_id>", api_keys.ApiKeyView.as_view(), name="api-key"),
    path("audit-events", audit_events.AuditEventListView.as_view(), name="audit-events"),
    path("audit-events/<str:event_id>", audit_events.AuditEventView.as_view(), name="audit-event"),
    path("leaked-keys", leaked_keys.LeakedKeyView.as_view(), name="leaked-keys"),
    path("schema", schema.SchemaView.as_view(), name="schema"),
    re_path(r"", base.no_endpoint, name="no-endpoint"),
]
