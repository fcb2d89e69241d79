"""Settings > Members: who belongs to the organization, but for its Employees, who are many and have no access here."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode

from lib.words import SearchTooLong
from members.access import requires
from members.middleware import MemberRequest
from members.models import Role, Scope
from members.models.headcount import headcounts
from members.models.member import matches_search
from members.views.paging import page_of

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


@requires(Scope.MEMBERS)
def members(request: MemberRequest) -> HttpResponse:
    """List a page of the members who match the search, the newest first."""
    roles = [role for role in request.organization.roles.all() if not role.is_employee]
    search = Search.of(request.GET, roles)
    numbers: Counter[int] = Counter()
    for (role_id, _), number in headcounts(request.organization).items():
        numbers[role_id] += number
    shown = [role for role in ([search.role] if search.role else roles) if numbers[role.pk]]
    refusal = ""
    parts = [role.members.filter(organization=request.organization) for role in shown]
    try:
        condition = search.condition()
    except SearchTooLong as error:
        parts, condition, refusal = [], Q(), error.detail
    page = page_of(parts, condition, request.GET)
    context = {
        "search": search,
        "refusal": refusal,
        "roles": roles,
        "statuses": STATUSES,
        "page": page,
        "newer": search.query(before=str(page.rows[0].pk)) if page.rows and page.newer else "",
        "older": search.query(after=str(page.rows[-1].pk)) if page.rows and page.older else "",
        "employees": employees_text(sum(numbers.values()) - sum(numbers[role.pk] for role in roles)),
    }
    return render(request, "members/member_list.html", context)


def employees_text(count: int) -> str:
    """Return how many Employees aren't shown, as in "12 Employees"; empty for none."""
    return f"{count:,} Employee{'' if count == 1 else 's'}" if count else ""
