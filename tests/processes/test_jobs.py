"""A worker is killed in the middle of a job: the next goes on where it stopped, and nobody is settled twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from audit.models import Action
from members.directory import GroupProfile
from members.models import Group, Job, Member
from tests.conftest import SETUP
from tests.processes.rig import Rig, company, rig_in

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

CROWD = 8_000


@pytest.fixture
def rig(tmp_path: Path, django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path) as made:  # type: ignore[attr-defined]
        yield made


def test_a_killed_worker_costs_a_job_nothing_but_time(rig: Rig) -> None:
    acme = company()
    call_command("load_members", acme.public_id, "--count", str(CROWD), verbosity=0)
    loaded = Member.objects.filter(organization=acme, user_name__startswith="user0")
    profile = GroupProfile("Everybody", replace_members=set(loaded.values_list("pk", flat=True)))
    group = Group.add(acme, profile, by=SETUP)
    rig.run("worker 1", "worker 2", "beat 1")

    job = group.give_role(acme.roles.get(name="Read Only"), by=SETUP)
    assert job is not None
    # Whoever comes to the last batch waits there, so the job can't end before the worker was killed twice.
    with transaction.atomic():
        loaded.select_for_update().order_by("-pk")[:1].get()
        for least in (1, CROWD // 2):
            rig.wait_until(lambda least=least: Job.objects.get().done >= least)  # type: ignore[misc]
            rig.kill("worker 1")
            assert Job.objects.get().finished_at is None
            rig.run("worker 1")
    rig.wait_until(lambda: Job.objects.get().finished_at is not None)

    assert Job.objects.get().done == CROWD
    assert loaded.filter(role__name="Read Only").count() == CROWD
    targets = acme.events.filter(action=Action.MEMBER_ROLE_CHANGED).values_list("target_id", flat=True)
    assert len(targets) == len(set(targets)) == CROWD
