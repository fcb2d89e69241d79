"""The models of the members app, a file each."""

from members.models.group import Group, GroupMembership
from members.models.headcount import Headcount
from members.models.job import Job, JobBatch
from members.models.member import Member, MemberQuerySet
from members.models.member_email import MemberEmail
from members.models.modification import Modification
from members.models.new_admin import NewAdmin
from members.models.organization import ApprovedDomain, Organization
from members.models.role import Role
from members.models.scope import Level, Scope
from members.models.user import User

__all__ = [
    "ApprovedDomain",
    "Group",
    "GroupMembership",
    "Headcount",
    "Job",
    "JobBatch",
    "Level",
    "Member",
    "MemberEmail",
    "MemberQuerySet",
    "Modification",
    "NewAdmin",
    "Organization",
    "Role",
    "Scope",
    "User",
]
