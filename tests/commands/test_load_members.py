"""manage.py load_members."""

import io

import pytest

from audit.models import Action, Event
from members.directory import DirectoryProfile
from members.management.commands import load_members
from tests.conftest import person


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(load_members, "BATCH", 10)


def user_names(organization):
    return sorted(organization.members.values_list("user_name", flat=True))


def names(*numbers):
    return [f"user{number:07}@acme.example" for number in numbers]


def test_it_adds_as_many_as_were_asked_for(acme, run, small_batches):
    told = run("load_members", acme.public_id, "--count", "25")
    assert told.out == "Added 25 members to Acme; 0 were there.\n"
    assert user_names(acme) == names(*range(25))


def test_they_are_as_a_directory_would_make_them(acme, run):
    run("load_members", acme.public_id, "--count", "3")
    member = acme.members.get(external_id="load-2")
    profile = DirectoryProfile.of_person("user0000002@acme.example", member.given_name, member.family_name)
    assert member.attributes == profile.attributes
    assert member.display_name == profile.display_name == f"{member.given_name} {member.family_name}"
    assert (member.is_active, member.role.name) == (True, "Employee")
    assert len({member.full_name for member in acme.members.all()}) == 3


def test_the_role_is_found_by_name(acme, run):
    run("load_members", acme.public_id, "--count", "1", "--role", "read only")
    assert acme.members.get().role == acme.roles.named("Read Only")


def test_a_second_run_adds_only_who_is_missing(acme, run, small_batches):
    run("load_members", acme.public_id, "--count", "12")
    ids = set(acme.members.values_list("pk", flat=True))
    acme.members.filter(external_id="load-5").delete()
    told = run("load_members", acme.public_id, "--count", "15")
    assert told.out == "Added 4 members to Acme; 11 were there.\n"
    assert user_names(acme) == names(*range(15))
    assert len(ids & set(acme.members.values_list("pk", flat=True))) == 11


def test_an_interrupted_run_is_continued(acme, run, small_batches, monkeypatch):
    class Interrupted(BaseException):
        pass

    def synthetic(organization, role, number, domain):
        if number == 17:
            raise Interrupted
        return whole(organization, role, number, domain)

    whole = load_members.synthetic
    monkeypatch.setattr(load_members, "synthetic", synthetic)
    with pytest.raises(Interrupted):
        run("load_members", acme.public_id, "--count", "25")
    assert user_names(acme) == names(*range(10))  # a batch is there as a whole or not at all
    monkeypatch.undo()
    run("load_members", acme.public_id, "--count", "25")
    assert user_names(acme) == names(*range(25))


def test_somebody_with_such_an_address_stays_as_they_are(acme, run):
    real = person(acme, "User0000001@acme.example", "Una Real", "Admin")
    told = run("load_members", acme.public_id, "--count", "3")
    assert told.out == "Added 2 members to Acme; 1 were there.\n"
    real.refresh_from_db()
    assert (real.full_name, real.role.name) == ("Una Real", "Admin")


def test_a_load_is_one_event_and_a_run_that_adds_nobody_none(acme, run, small_batches):
    for _ in range(2):
        run("load_members", acme.public_id, "--count", "25")
    event = Event.objects.get(action=Action.MEMBER_LOADED)
    assert event.organization == acme
    assert event.changes == {"count": 25, "role": "Employee"}
    assert not Event.objects.filter(action=Action.MEMBER_CREATED).exists()


def test_no_member_is_there_without_the_event(acme, run, monkeypatch):
    class LogFull(Exception):
        pass

    def refuse(*args, **kwargs):
        raise LogFull

    monkeypatch.setattr(Event, "record", refuse)
    with pytest.raises(LogFull):
        run("load_members", acme.public_id, "--count", "3")
    assert not acme.members.exists()


def test_somebody_who_comes_in_the_meantime_stays_as_they_are(acme, run, monkeypatch):
    real = person(acme, "user0000001@acme.example", "Una Real")
    monkeypatch.setattr(load_members, "missing_numbers", lambda organization, wanted: list(range(wanted)))
    run("load_members", acme.public_id, "--count", "3")
    assert user_names(acme) == names(0, 1, 2)
    assert acme.members.get(user_name=names(1)[0]) == real


def test_it_takes_the_domain_that_was_approved_first(globex, run):
    globex.approved_domains.create(domain="a-later-one.example")
    run("load_members", globex.public_id, "--count", "1")
    assert user_names(globex) == ["user0000000@globex.example"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal, True), (io.StringIO, False)])
def test_the_progress_is_on_standard_error_if_that_is_a_terminal(acme, run, monkeypatch, stream, shown):
    stderr = stream()
    monkeypatch.setattr("sys.stderr", stderr)
    told = run("load_members", acme.public_id, "--count", "3")
    assert ("3/3" in stderr.getvalue()) == shown
    assert bool(stderr.getvalue()) == shown
    assert "3/3" not in told.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--count", "3", "--role", "Admn"), 'Did you mean "Admin"?'),
        (("--count", "0"), "no number from 1"),
        (("--count", "many"), "no number from 1"),
    ],
)
def test_what_is_wrong_is_said_and_adds_nobody(acme, run, arguments, reason):
    assert reason in run("load_members", acme.public_id, *arguments).error
    assert not acme.members.exists()
    assert not Event.objects.filter(action=Action.MEMBER_LOADED).exists()


def test_an_unknown_organization_id_is_said_to_be_unknown(acme, run):
    assert "nosuchorg" in run("load_members", "nosuchorg", "--count", "3").error
