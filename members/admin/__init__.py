"""The staff admin's pages for organizations and who belongs to them.

Staff sign in where everybody does: that page counts failed attempts, which the admin's own doesn't. Pages that other
apps bring along and that would open a way around these are taken out: whoever edits a proven e-mail address can make
it somebody else's.
"""

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401 - these register what is unregistered below
import django.contrib.auth.admin  # noqa: F401 - likewise
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group

from members.admin import groups, jobs, members, organizations, roles, users

__all__ = ["groups", "jobs", "members", "organizations", "roles", "users"]

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister([Group, EmailAddress, Authenticator])
