"""An organization's settings: where they begin, Security, and Members."""

from django.urls import path

from members.views import erasure, home, key_policy, member, member_list, security

urlpatterns = [
    path("", home.home, name="organization"),
    path("security", security.security, name="security"),
    path("security/scim/activation", security.scim_activation, name="scim-activation"),
    path("security/scim/deactivation", security.scim_deactivation, name="scim-deactivation"),
    path("security/admin-assignment", security.admin_assignment, name="admin-assignment"),
    path("security/api-keys", key_policy.key_policy, name="key-policy"),
    path("members", member_list.members, name="members"),
    path("members/employees", member_list.employees, name="employees"),
    path("members/erasure", erasure.erasure, name="erasure"),
    path("members/new", member.new_member, name="member-new"),
    path("members/<uuid:member_id>", member.member_page, name="member"),
    path("members/<uuid:member_id>/role", member.role, name="member-role"),
    path("members/<uuid:member_id>/deactivation", member.deactivation, name="member-deactivation"),
    path("members/<uuid:member_id>/reactivation", member.reactivation, name="member-reactivation"),
    path("members/<uuid:member_id>/erasure", erasure.member_erasure, name="member-erasure"),
]
