"""Settings > Members: who belongs to the organization, but for its Employees, who are many and have no access here.

Employees have a list of their own, and a search for the whole address of one finds them.
"""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode

from lib.words import SearchTooLong, words_of
from members.access import requires
from members.middleware import MemberRequest
from members.models import Member, Organization, Role, Scope
from members.models.headcount import headcounts
from members.models.member import matches_search
from members.models.role import EMPLOYEE
from members.views.paging import Page, page_of

STATUSES = {"active": "Active", "deactivated": "Deactivated"}


@dataclass(frozen=True, slots=True)
class Search:
    """What the reader looks for. `role` is None and `status` empty when any will do."""

    text: str
    role: Role | None
    status: str

    @classmethod
    def of(cls, query: QueryDict, roles: list[Role]) -> "Search":
        """Return the search that `query` spells; what it can't mean is left out."""
        role = next((role for role in roles if role.name.lower() == query.get("role", "").lower()), None)
        status = query.get("status", "")
        return cls(query.get("q", "").strip(), role, status if status in STATUSES else "")

    def __bool__(self) -> bool:
        return bool(self.text or self.role or self.status)

    def condition(self) -> Q:
        """Return what those meet who have the role that is looked for. Raises SearchTooLong."""
        found = matches_search(self.text) if self.text else Q()
        return found & Q(deactivated_at__isnull=self.status == "active") if self.status else found

    def query(self, **more: str) -> str:
        """Return the search as a query string, with `more` parameters."""
        fields = {"q": self.text, "role": self.role.name if self.role else "", "status": self.status} | more
        return urlencode({name: value for name, value in fields.items() if value})


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what a search finds. `refusal` says why a search wasn't made."""

    search: Search
    page: Page[Member]
    refusal: str = ""

    @classmethod
    def among(cls, organization: Organization, roles: list[Role], search: Search, query: QueryDict) -> "Found":
        """Return the page that `query` asks for of the members of `organization` with one of `roles`."""
        try:
            condition = search.condition()
        except SearchTooLong as error:
            return cls(search, page_of([], Q(), query), error.detail)
        parts = [role.members.filter(organization=organization) for role in roles]
        return cls(search, page_of(parts, condition, query))

    @property
    def newer(self) -> str:
        """The query string of the page before this one; empty for none."""
        rows = self.page.rows
        return self.search.query(before=str(rows[0].pk)) if rows and self.page.newer else ""

    @property
    def older(self) -> str:
        """The query string of the page after this one; empty for none."""
        rows = self.page.rows
        return self.search.query(after=str(rows[-1].pk)) if rows and self.page.older else ""


@requires(Scope.MEMBERS)
def members(request: MemberRequest) -> HttpResponse:
    """List a page of the members who match the search, the newest first."""
    organization, everybodys = request.organization, list(request.organization.roles.all())
    roles = [role for role in everybodys if not role.is_employee]
    search = Search.of(request.GET, roles)
    numbers = numbers_by_role(organization)
    shown = [role for role in ([search.role] if search.role else roles) if numbers[role.pk]]
    found = Found.among(organization, shown, search, request.GET)
    context = {
        "found": found,
        "roles": roles,
        "statuses": STATUSES,
        "employees": employees_text(sum(numbers.values()) - sum(numbers[role.pk] for role in roles)),
        "employee": None if found.refusal else employee_with_address(organization, search.text),
    }
    return render(request, "members/member_list.html", context)


@requires(Scope.MEMBERS)
def employees(request: MemberRequest) -> HttpResponse:
    """List a page of the Employees who match the search, the newest first."""
    organization = request.organization
    employee = organization.roles.get(is_predefined=True, name=EMPLOYEE)
    found = Found.among(organization, [employee], Search.of(request.GET, []), request.GET)
    context = {
        "found": found,
        "statuses": STATUSES,
        "employees": employees_text(numbers_by_role(organization)[employee.pk]),
    }
    return render(request, "members/employee_list.html", context)


def numbers_by_role(organization: Organization) -> Counter[int]:
    """Return how many members `organization` has, by the key of their role."""
    numbers: Counter[int] = Counter()
    for (role_id, _), number in headcounts(organization).items():
        numbers[role_id] += number
    return numbers


def employee_with_address(organization: Organization, text: str) -> Member | None:
    """Return the Employee whose whole address `text` is; None for any other text."""
    words = words_of(text)
    if len(words) != 1 or "@" not in words[0]:
        return None
    employees = organization.members.filter(role__is_predefined=True, role__name=EMPLOYEE)
    return employees.with_user_name(words[0]).first()


def employees_text(count: int) -> str:
    """Return how many Employees there are, as in "12 Employees"; empty for none."""
    return f"{count:,} Employee{'' if count == 1 else 's'}" if count else ""
