"""What a change means for many members is left to a job: each is settled once, whatever happens meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from audit.actor import Actor, Origin
from audit.models import Action, Event
from lib import request_id
from members.directory import GroupProfile
from members.errors import LastAdmin
from members.models import Group, Job, JobBatch, Level, Member, Organization, Role, User, derivation, job as jobs
from members.models.scope import everywhere
from members.tasks import run_jobs
from tests.conftest import SETUP, organization, person
from tests.racing import at_once

CROWD = 7


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than two members are many, and a batch has two."""
    monkeypatch.setattr(derivation, "AT_ONCE", 2)
    monkeypatch.setattr(jobs, "BATCH", 2)


def crowd(of: Organization, name: str = "Works", count: int = CROWD) -> Group:
    """Make a group with so many members."""
    domain = of.domain_names()[0]
    members = {person(of, f"p{number}@{domain}", f"Person {number}").pk for number in range(count)}
    Member.objects.filter(pk__in=members).update(role_is_assigned=False)
    return Group.add(of, GroupProfile(name, replace_members=members), by=SETUP)


@pytest.fixture
def works(acme: Organization, ana: Member) -> Group:
    return crowd(acme)


@pytest.fixture
def staff(db: None) -> User:
    user = User.objects.create_user("stella@vendor.example", "a password of staff", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["change_group", "change_role"]))
    return user


def role_names(group: Group) -> list[str]:
    return sorted(Member.objects.filter(groups=group).values_list("role__name", flat=True))


def give(group: Group, role: str, by: Actor = SETUP) -> Job:
    job = group.give_role(group.organization.roles.get(name=role), by=by)
    assert job is not None
    return job


def changed_members(of: Organization) -> list[str]:
    events = of.events.filter(action=Action.MEMBER_ROLE_CHANGED)
    return sorted(events.values_list("target_label", flat=True))


def finished(job: Job) -> Job:
    """Return the job as it is; it has to be at its end."""
    job.refresh_from_db()
    assert job.finished_at is not None
    return job


def test_few_members_are_settled_at_once(acme: Organization) -> None:
    group = crowd(acme, count=2)
    assert group.give_role(acme.roles.get(name="Read Only"), by=SETUP) is None
    assert role_names(group) == ["Read Only"] * 2
    assert not Job.objects.exists()


def test_many_are_settled_by_a_worker_on_behalf_of_who_asked(works: Group, acme: Organization, staff: User) -> None:
    by = staff.actor(Origin("203.0.113.9", "Firefox"), right="members.change_group")
    token = request_id.begin("request-7")
    job = give(works, "Read Only", by)
    request_id.end(token)
    assert (job.state, job.done, job.total) == ("waiting", 0, CROWD)
    assert role_names(works) == ["Employee"] * CROWD
    assert Group.objects.get(pk=works.pk).role == acme.roles.get(name="Read Only")

    run_jobs()

    assert (finished(job).state, job.done, job.stopped) == ("done", CROWD, "")
    assert role_names(works) == ["Read Only"] * CROWD
    assert not JobBatch.objects.exists()
    events = acme.events.filter(action=Action.MEMBER_ROLE_CHANGED)
    assert len(changed_members(acme)) == len(set(changed_members(acme))) == CROWD
    assert {(event.actor_id, event.actor_label, event.ip, event.request_id) for event in events} == {
        (str(staff.pk), "stella@vendor.example", "203.0.113.9", "request-7")
    }
    assert events[0].changes == {"role": ["Employee", "Read Only"], "given_by_groups": ["Works"], "group": "Works"}


def replaced(group: Group, **changes: Any) -> None:
    Group.update_from_directory(
        group.organization, group.pk, lambda now: GroupProfile(now.display_name, **changes), by=SETUP
    )


def raise_role(group: Group) -> None:
    role = group.role
    assert role is not None
    role.edit(access=everywhere(Level.NONE) | {"security": "read", "roles": "read", "members": "act"}, by=SETUP)


# What the group has, what is done to it, and what its members have afterwards, who also get Procurement from another.
VERBS: dict[str, tuple[str, Callable[[Group], Any], str]] = {
    "the group loses its role": ("IT Admin", lambda group: group.give_role(None, by=SETUP), "Procurement"),
    "the group is removed": ("IT Admin", lambda group: group.remove(by=SETUP), "Procurement"),
    "everybody leaves": ("IT Admin", lambda group: replaced(group, replace_members=set()), "Procurement"),
    "the role is edited": ("Contracts", raise_role, "Contracts"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_reaches_many_leaves_them_to_a_job(works: Group, acme: Organization, verb: str) -> None:
    before, change, after = VERBS[verb]
    Role(organization=acme, name="Contracts", access=everywhere(Level.NONE)).create_role(by=SETUP)
    members = Member.objects.filter(pk__in=list(works.memberships.values_list("member_id", flat=True)))
    other = Group.add(acme, GroupProfile("Others", replace_members={member.pk for member in members}), by=SETUP)
    give(works, before)
    give(other, "Procurement")
    run_jobs()
    had = {member.role.name for member in members.all()}
    assert had == {"Procurement" if before == "Contracts" else before}

    change(Group.objects.get(pk=works.pk))
    assert {member.role.name for member in members.all()} == had
    run_jobs()

    assert {member.role.name for member in members.all()} == {after}
    assert not Job.objects.unfinished().exists()


def test_somebody_who_joins_or_leaves_meanwhile_has_the_right_role(works: Group, acme: Organization) -> None:
    job = give(works, "Read Only")
    [leaver, *_] = Member.objects.filter(groups=works).order_by("-pk")
    replaced(works, remove_members={leaver.pk})
    newcomer = person(acme, "new@acme.example", "New Comer")
    Member.objects.filter(pk=newcomer.pk).update(role_is_assigned=False)
    replaced(works, add_members={newcomer.pk})
    run_jobs()
    assert finished(job).done == CROWD
    assert role_names(works) == ["Read Only"] * CROWD
    leaver.refresh_from_db()
    assert leaver.role.name == "Employee"


def test_a_member_who_is_removed_meanwhile_is_none_to_settle(works: Group) -> None:
    job = give(works, "Read Only")
    members = Member.objects.filter(groups=works)
    for member in members[:3]:
        member.remove(by=SETUP)
    run_jobs()
    assert finished(job).state == "done"
    assert role_names(works) == ["Read Only"] * (CROWD - 3)


# Crashes and others ---------------------------------------------------------------------------------------------------


def test_a_batch_that_breaks_off_is_undone_and_done_again(
    works: Group, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = give(works, "Read Only")
    settle_chunk, calls = derivation.settle_chunk, iter(range(100))

    def breaks_off(*arguments: Any, **keywords: Any) -> bool:
        result = settle_chunk(*arguments, **keywords)
        if next(calls) == 1:
            raise ZeroDivisionError
        return result

    monkeypatch.setattr(derivation, "settle_chunk", breaks_off)
    with pytest.raises(ZeroDivisionError):
        run_jobs()
    job.refresh_from_db()
    assert (job.state, job.done, len(changed_members(acme))) == ("running", 2, 2)
    run_jobs()
    assert (finished(job).done, len(changed_members(acme))) == (CROWD, CROWD)
    assert len(set(changed_members(acme))) == CROWD


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_job_settle_each_member_once(works: Group, acme: Organization) -> None:
    job = give(works, "Read Only")
    assert at_once(*[run_jobs] * 3) == [None] * 3
    run_jobs()
    assert finished(job).done == CROWD
    assert changed_members(acme) == sorted(set(changed_members(acme)))
    assert len(changed_members(acme)) == CROWD


def test_organizations_have_their_turn_one_after_the_other(
    works: Group, globex: Organization, eve: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = give(works, "Read Only"), give(crowd(globex, "Globex people"), "IT Admin")
    run_batch, turns = jobs.run_batch, []

    def noted(pk: Any) -> bool:
        turns.append(pk)
        return run_batch(pk)

    monkeypatch.setattr(jobs, "run_batch", noted)
    run_jobs()
    assert turns[:8] == [first.pk, second.pk] * 4
    assert finished(first).state == finished(second).state == "done"


def test_a_run_ends_in_time_and_the_next_goes_on(works: Group) -> None:
    job = give(works, "Read Only")
    Job.objects.run(seconds=0)
    job.refresh_from_db()
    assert job.done == 0
    Job.objects.run(seconds=60)
    assert finished(job).done == CROWD


# Rights and rules -----------------------------------------------------------------------------------------------------


def test_a_job_of_staff_who_lose_the_right_stops_and_somebody_else_goes_on(
    works: Group, acme: Organization, staff: User
) -> None:
    job = give(works, "Read Only", staff.actor(right="members.change_group"))
    jobs.run_batch(job.pk)
    staff.user_permissions.clear()
    run_jobs()
    assert (finished(job).state, job.done, job.stopped) == ("stopped", 2, jobs.NO_RIGHT)
    assert role_names(works).count("Read Only") == 2

    other = User.objects.create_superuser("sam@vendor.example", "a password of staff")
    job.resume(by=other.actor(right="members.change_group"))
    run_jobs()
    assert (finished(job).state, job.done) == ("done", CROWD)
    assert len(changed_members(acme)) == CROWD
    assert set(Event.objects.filter(actor_id=str(other.pk)).values_list("actor_label", flat=True)) == {str(other)}


def test_what_is_done_is_not_resumed(works: Group) -> None:
    job = give(works, "Read Only")
    run_jobs()
    finished(job).resume(by=SETUP)
    assert finished(job).state == "done"


def test_the_last_admin_is_asked_for_before_a_job_is_made(acme: Organization) -> None:
    """Two Admins are all there are; both have it from the group, beside five who are deactivated."""
    group = crowd(acme)
    for member in Member.objects.filter(groups=group)[2:]:
        member.deactivate(by=SETUP)
    give(group, "Admin")
    run_jobs()
    with pytest.raises(LastAdmin):
        Group.objects.get(pk=group.pk).give_role(None, by=SETUP)
    assert Group.objects.get(pk=group.pk).role is not None
    assert not Job.objects.unfinished().exists()
    assert set(role_names(group)) == {"Admin"}


def test_a_job_stops_before_the_last_admin(acme: Organization, works: Group, ana: Member) -> None:
    give(works, "Admin")
    run_jobs()
    job = Group.objects.get(pk=works.pk).give_role(None, by=SETUP)
    assert job is not None
    # Ana, the Admin who isn't in the group, was one when it was asked.
    ana.deactivate(by=SETUP)
    run_jobs()
    assert finished(job).state == "stopped"
    assert "last active Admin" in job.stopped
    assert acme.members.active().admins().exists()


def test_another_organization_is_left_alone(works: Group, eve: Member) -> None:
    other = organization("Third", "third.example")
    before = Event.objects.exclude(organization=works.organization).count()
    give(works, "Read Only")
    run_jobs()
    assert Event.objects.exclude(organization=works.organization).count() == before
    assert not other.jobs.exists()
    eve.refresh_from_db()
    assert eve.role.name == "Admin"
