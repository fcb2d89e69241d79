"""Settings > Members: the list, what it leaves out, and how it is searched and paged."""

import re
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Action, Event
from members.directory import DirectoryProfile
from members.models import Member, Organization
from members.views.paging import PAGE_SIZE
from tests.conftest import ACME, SETUP, person
from tests.web.conftest import SignIn, text_of

LIST = f"{ACME}/members"


def names_on(page: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]*><bdi>([^<]+)</bdi></a>', page)


def listed(browser: Client, query: str = "") -> list[str]:
    answer = browser.get(LIST + query)
    assert answer.status_code == 200
    return names_on(answer.content.decode())


@pytest.fixture
def readers(acme: Organization) -> list[Member]:
    """Make 120 members with a role: three pages with Ana, the last one short."""
    return [person(acme, f"p{n}@acme.example", f"Person {n:03}", "Read Only") for n in range(120)]


def test_members_are_listed_newest_first_with_what_the_reader_needs(acme, ana_browser, ira):
    otto = DirectoryProfile.of_person("otto@acme.example", "Otto", "Okta", "Read Only")
    Member.add(acme, otto, source=Member.Source.SCIM, by=SETUP)
    answer = ana_browser.get(LIST)
    assert names_on(answer.content.decode()) == ["Otto Okta", "Ira Item", "Ana Admin"]
    words = text_of(answer)
    assert "Otto Okta otto@acme.example Read Only SCIM Active" in words
    assert "Ira Item ira@acme.example IT Admin Added by hand Active" in words


def test_employees_are_not_listed_but_counted(acme, ana_browser, emil):
    answer = ana_browser.get(LIST)
    assert "Emil" not in answer.content.decode()
    assert "1 Employee not shown" in text_of(answer)
    person(acme, "erna@acme.example", "Erna Employee")
    assert "2 Employees not shown" in text_of(ana_browser.get(LIST))
    assert listed(ana_browser, "?q=emil") == listed(ana_browser, "?q=acme.example&status=deactivated") == []


def test_no_filter_brings_employees_into_the_list(ana_browser, emil):
    assert listed(ana_browser, "?role=Employee") == ["Ana Admin"]
    assert "<option>Employee</option>" not in ana_browser.get(LIST).content.decode()


def test_without_employees_nothing_is_said_of_them(ana_browser):
    assert "not shown" not in text_of(ana_browser.get(LIST))


def test_a_custom_role_called_like_an_employee_elsewhere_is_listed(acme, ana_browser, emil):
    role = acme.roles.create(name="Employee of the month", access={})
    Member.objects.filter(pk=emil.pk).update(role=role)
    assert listed(ana_browser) == ["Emil Employee", "Ana Admin"]


def test_any_number_of_employees_is_told_without_counting_them(acme, ana_browser):
    call_command("load_members", acme.public_id, "--count", "1200", verbosity=0)
    ana_browser.get(LIST)
    with CaptureQueriesContext(connection) as queries:
        assert "1,200 Employees not shown" in text_of(ana_browser.get(LIST))
    assert not any("COUNT(" in query["sql"] for query in queries)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=ira", ["Ira Item"]),
        ("?q=ITEM+ira", ["Ira Item"]),
        ("?q=rita@", ["Rita Reader"]),
        ("?role=Read+Only", ["Rita Reader"]),
        ("?role=read+only", ["Rita Reader"]),
        ("?status=deactivated", ["Paul Procurement"]),
        ("?status=active", ["Rita Reader", "Ira Item", "Ana Admin"]),
        ("?role=Procurement&status=active", []),
        ("?q=%25", []),
        ("?role=nobody&status=whatever&after=x&before=", ["Paul Procurement", "Rita Reader", "Ira Item", "Ana Admin"]),
    ],
)
def test_search_and_filters_narrow_the_list(ana_browser, ira, rita, paul, query, found):
    paul.deactivate(by=SETUP)
    assert listed(ana_browser, query) == found


def test_a_search_is_kept_in_the_form_and_escaped(ana_browser):
    page = ana_browser.get(LIST, {"q": '"><script>', "role": "Read Only", "status": "active"}).content.decode()
    assert 'value="&quot;&gt;&lt;script&gt;"' in page
    assert "<option selected>Read Only</option>" in page
    assert '<option value="active" selected>Active</option>' in page


def test_a_search_without_a_match_offers_the_whole_list(ana_browser):
    answer = ana_browser.get(f"{LIST}?q=nobody")
    assert "No member matches." in text_of(answer)
    assert "Show all members" in text_of(answer)


def test_pages_go_on_from_the_last_row_and_back_without_losing_or_repeating_anybody(ana_browser, readers):
    seen: list[str] = []
    path, pages = LIST, []
    while path:
        page = ana_browser.get(path).content.decode()
        pages.append(names_on(page))
        seen += pages[-1]
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = LIST + older[1].replace("&amp;", "&") if older else ""
    assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 21]
    assert seen == [f"Person {n:03}" for n in reversed(range(120))] + ["Ana Admin"]

    newer = re.search(r'rel="prev" href="([^"]+)"', page)
    assert newer
    middle = ana_browser.get(LIST + newer[1]).content.decode()
    assert names_on(middle) == pages[1]
    newer = re.search(r'rel="prev" href="([^"]+)"', middle)
    assert newer
    first = ana_browser.get(LIST + newer[1]).content.decode()
    assert names_on(first) == pages[0]
    assert 'rel="prev"' not in first


def test_pages_keep_the_search(ana_browser, readers):
    page = ana_browser.get(f"{LIST}?q=person&role=Read+Only&status=active").content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    assert older[1].startswith("?q=person&amp;role=Read+Only&amp;status=active&amp;after=")


def test_a_page_takes_as_many_queries_whatever_is_on_it(
    ana_browser, readers, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_num_queries(7):
        listed(ana_browser)
    # Each of two roles takes another query or two to find the matches first.
    with django_assert_max_num_queries(9):
        listed(ana_browser, "?q=person&status=active")


# Employees


EMPLOYEES = f"{LIST}/employees"


@pytest.mark.parametrize("typed", ["emil@acme.example", " EMIL@Acme.Example ", "emil@acme.example\0"])
@pytest.mark.parametrize("also", ["", "&role=Admin", "&status=deactivated"])
def test_the_whole_address_of_an_employee_finds_them_and_says_why_they_are_not_listed(ana_browser, emil, typed, also):
    answer = ana_browser.get(f"{LIST}?{urlencode({'q': typed})}{also}")
    words = text_of(answer)
    assert "Emil Employee (emil@acme.example) has the Employee role." in words
    assert "so they are not listed here" in words
    assert "No member matches" not in words
    assert f'href="{LIST}/{emil.pk}"' in answer.content.decode()


@pytest.mark.parametrize("typed", ["emil", "emil@acme.exampl", "mil@acme.example", "emil@acme.example x", "@", "\0"])
def test_less_than_the_address_of_an_employee_finds_nobody_and_says_how(ana_browser, emil, typed):
    page = ana_browser.get(LIST, {"q": typed})
    assert f"{LIST}/{emil.pk}" not in page.content.decode()
    assert "Emil" not in text_of(page)


def test_the_address_of_somebody_else_says_nothing_of_employees(ana_browser, ira, emil, eve):
    assert "Employee role." not in text_of(ana_browser.get(LIST, {"q": "ira@acme.example"}))
    words = text_of(ana_browser.get(LIST, {"q": "eve@globex.example"}))
    assert "Eve" not in words
    assert "No member matches. An Employee is found by their whole e-mail address" in words


def test_an_address_costs_one_query_more(ana_browser, emil):
    listed(ana_browser)
    asked = []
    for text in ("emil", "emil@acme.example"):
        with CaptureQueriesContext(connection) as queries:
            ana_browser.get(LIST, {"q": text})
        asked.append(len(queries))
    assert asked[1] == asked[0] + 1


def test_the_count_leads_to_a_list_that_says_who_the_employees_are(acme, ana_browser, ira, emil, eve):
    page = ana_browser.get(LIST).content.decode()
    assert f'<a href="{EMPLOYEES}">1 Employee</a> not shown' in page
    gone = person(acme, "gone@acme.example", "Gone Gustav")
    gone.deactivate(by=SETUP)
    answer = ana_browser.get(EMPLOYEES)
    assert names_on(answer.content.decode()) == ["Gone Gustav", "Emil Employee"]
    words = text_of(answer)
    assert "The 2 Employees of Acme, the newest first." in words
    assert "Emil Employee emil@acme.example Added by hand Active" in words
    assert "Gone Gustav gone@acme.example Added by hand Deactivated" in words
    found = ana_browser.get(EMPLOYEES, {"q": "emil", "status": "active", "role": "Admin"}).content.decode()
    assert names_on(found) == ["Emil Employee"]
    assert names_on(ana_browser.get(EMPLOYEES, {"q": "ana"}).content.decode()) == []
    assert "No Employee matches." in text_of(ana_browser.get(EMPLOYEES, {"q": "nobody"}))


def test_without_employees_the_list_of_them_says_so(ana_browser):
    assert "Nobody has the Employee role." in text_of(ana_browser.get(EMPLOYEES))


def test_employees_come_in_pages_and_take_as_many_queries_whatever_their_number(
    acme, ana_browser, emil, django_assert_num_queries
):
    with django_assert_num_queries(6):
        assert names_on(ana_browser.get(EMPLOYEES).content.decode()) == ["Emil Employee"]
    call_command("load_members", acme.public_id, "--count", str(PAGE_SIZE), verbosity=0)
    with django_assert_num_queries(6):
        page = ana_browser.get(EMPLOYEES).content.decode()
    assert len(names_on(page)) == PAGE_SIZE
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    assert names_on(ana_browser.get(EMPLOYEES + older[1]).content.decode()) == ["Emil Employee"]


def test_an_employee_is_given_a_role_from_the_list(acme, ana_browser, emil):
    assert f'href="{LIST}/{emil.pk}/role"' in ana_browser.get(EMPLOYEES).content.decode()
    panel = text_of(ana_browser.get(f"{LIST}/{emil.pk}/role"))
    assert "Give Emil Employee a role" in panel
    assert "Procurement Sees members and their roles." in panel
    role = acme.roles.get(name="Procurement")
    answer = ana_browser.post(f"{LIST}/{emil.pk}/role", {"role": role.pk}, follow=True)
    assert "Emil Employee now has the role Procurement." in text_of(answer)
    assert listed(ana_browser) == ["Emil Employee", "Ana Admin"]
    assert names_on(ana_browser.get(EMPLOYEES).content.decode()) == []
    assert Event.objects.get(action=Action.MEMBER_ROLE_CHANGED).changes == {"role": ["Employee", "Procurement"]}


def test_nobody_is_offered_a_role_beyond_their_own(acme, ira, emil, sign_in: SignIn):
    panel = sign_in(ira).get(f"{LIST}/{emil.pk}/role").content.decode()
    assert f'value="{acme.roles.get(name="Admin").pk}"' not in panel
    assert f'value="{acme.roles.get(name="Procurement").pk}"' in panel


def test_a_choice_that_is_refused_in_the_dialog_is_told_there(acme, ana_browser, emil):
    refused = ana_browser.post(f"{LIST}/{emil.pk}/role", {"role": ""}, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert 'id="panel"' in refused.content.decode()
    assert "Choose a role." in text_of(refused)


def test_a_custom_role_without_a_description_is_offered_with_what_it_gives(acme, ana_browser, emil):
    acme.roles.create(name="Auditor", access={"audit_log": "read", "roles": "read", "members": "act"})
    words = text_of(ana_browser.get(f"{LIST}/{emil.pk}/role"))
    assert "Auditor May see and change Members, and see Roles and Audit log." in words


@pytest.mark.parametrize("who", ["rita", "paul"])
def test_whoever_may_only_read_sees_employees_and_gives_no_role(request, emil, sign_in: SignIn, who: str):
    browser = sign_in(request.getfixturevalue(who))
    words = text_of(browser.get(EMPLOYEES))
    assert "Emil Employee" in words
    assert "Give a role" not in words


def test_an_employee_sees_no_list_of_employees(emil, sign_in: SignIn):
    assert sign_in(emil).get(EMPLOYEES).status_code == 403


@pytest.mark.parametrize("who", ["rita", "paul"])
def test_whoever_may_only_read_can_look_and_nothing_else(request, acme, ira, sign_in: SignIn, who: str):
    browser = sign_in(request.getfixturevalue(who))
    before = Event.objects.count()
    assert "Ira Item" in listed(browser)
    assert "Add member" not in text_of(browser.get(LIST))
    page = text_of(browser.get(f"{LIST}/{ira.pk}"))
    assert "ira@acme.example" in page
    assert "Role IT Admin" in page
    assert "Change role" not in page
    assert "Deactivate" not in page
    role = {"role": acme.roles.get(name="Read Only").pk}
    for path in ("new", f"{ira.pk}/role", f"{ira.pk}/deactivation", f"{ira.pk}/reactivation"):
        assert browser.post(f"{LIST}/{path}", role).status_code == 403
        assert browser.get(f"{LIST}/{path}").status_code == 403
    ira.refresh_from_db()
    assert (ira.is_active, ira.role.name) == (True, "IT Admin")
    assert Event.objects.count() == before
