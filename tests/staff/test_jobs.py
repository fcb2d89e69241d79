"""Jobs in the staff admin."""

import pytest

from members.directory import GroupProfile
from members.models import Group, Job, derivation, job as jobs
from members.tasks import run_jobs
from tests.conftest import SETUP, person
from tests.staff.conftest import page, rows, told

JOB = "members.Job"


@pytest.fixture
def works(acme, ana, monkeypatch):
    monkeypatch.setattr(derivation, "AT_ONCE", 2)
    monkeypatch.setattr(jobs, "BATCH", 2)
    members = {person(acme, f"p{number}@acme.example", f"Person {number}").pk for number in range(5)}
    return Group.add(acme, GroupProfile("Works", replace_members=members), by=SETUP)


@pytest.fixture
def job(admin, acme, works):
    role = acme.roles.get(name="Read Only")
    response = admin.post(page("members.Group", "change", works.pk), {"role": role.pk})
    job = Job.objects.get()
    [said, _] = told(response)
    assert "5 members get their roles in the background" in said
    assert page(JOB, "change", job.pk) in said
    return job


def test_a_job_shows_its_progress_and_is_loaded_anew_until_it_is_done(admin, job):
    path = page(JOB, "change", job.pk)
    jobs.run_batch(job.pk)
    response = admin.get(path)
    assert 'max="5" value="2" aria-label="Progress"></progress>' in response.text
    assert "2 of 5 members" in response.text
    assert "Running" in response.text
    assert response["Refresh"] == "3"

    run_jobs()
    response = admin.get(path)
    assert "5 of 5 members" in response.text
    assert "Refresh" not in response
    assert rows(admin.get(page(JOB))) == [job]


def test_a_job_that_has_stopped_says_why_and_is_resumed(admin, job, stella):
    resume = f"/admin/members/job/{job.pk}/resume/"
    assert admin.get(resume).status_code == 403
    Job.objects.update(actor_id="0")
    run_jobs()
    assert jobs.NO_RIGHT in admin.get(page(JOB, "change", job.pk)).text
    assert admin.get(resume).status_code == 302
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.done, job.actor_id) == ("done", 5, str(stella.pk))
