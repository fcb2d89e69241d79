"""A Job is what a change means for many members, carried out by a worker, a batch at a time.

A group of 100,000 is given a role at once; that each of its members then has that role takes half a minute. So the
change is made in the request, and whose role may follow from it is written down in the same transaction. A worker
settles these members, up to `BATCH` in a transaction that also removes the batch: whatever is killed, each is settled
once, and the next worker goes on where the last one stopped.

It doesn't matter in which order, nor what else happens meanwhile: to settle a member means to derive the role from what
the database then says (`members.models.derivation`).
"""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.actor import UNLIMITED, USER_AGENT_LENGTH, Actor, ActorKind, Origin, Power
from lib import request_id
from lib.rerun import run_unit
from lib.stopping import is_stopping
from members.errors import LastAdmin
from members.ids import uuid7
from members.models.organization import Organization
from members.models.power import DIRECTORY, MemberPower, StaffPower, check, has_level
from members.models.scope import Level, Scope
from torii_settings.celery import start_soon

BATCH = 500
NO_RIGHT = "Whoever asked for this may not do it any more."


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs."""

    def unfinished(self) -> Self:
        """Those that a worker has to go on with."""
        return self.filter(finished_at=None)

    def write_down(
        self, organization: Organization, member_ids: Iterable[UUID], *, by: Actor, because: dict[str, str]
    ) -> "Job":
        """Write down that the roles of these members are to be settled, as soon as the transaction is committed."""
        from members.tasks import run_jobs

        ordered = [str(member_id) for member_id in sorted(member_ids)]
        job = self.create(
            organization=organization,
            because=because,
            actor_kind=by.kind,
            actor_id=by.id,
            actor_label=by.label[:320],
            ip=by.origin.ip,
            user_agent=by.origin.user_agent,
            request_id=request_id.current(),
            total=len(ordered),
        )
        JobBatch.objects.bulk_create(
            JobBatch(organization=organization, job=job, member_ids=ordered[start : start + BATCH])
            for start in range(0, len(ordered), BATCH)
        )
        transaction.on_commit(partial(start_soon, run_jobs))
        return job

    def run(self, seconds: float) -> None:
        """Go on with all that are unfinished, for so long, a batch of each in turn: none waits for another's end."""
        ends_at = time.monotonic() + seconds
        goes_on = True
        while goes_on and time.monotonic() < ends_at:
            jobs = list(self.unfinished().order_by("pk").values_list("pk", flat=True))
            # What other workers are at is left to them. Each job has its turn, so this is a list.
            done = [run_unit(partial(run_batch, pk)) for pk in jobs if not is_stopping()]
            goes_on = any(done)


class Job(models.Model):
    """Members whose roles are to be settled, who asked for what that follows from, and how far it has got.

    `stopped` says why it ended before its end. `because` goes into each member's audit event.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False, related_name="jobs")
    because = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField("asked by", max_length=320)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    request_id = models.CharField(max_length=request_id.LENGTH, blank=True)
    total = models.PositiveIntegerField("members")
    done = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    stopped = models.CharField(max_length=300, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "-id"], name="job_organization_newest"),
            models.Index(fields=["id"], condition=Q(finished_at=None), name="job_unfinished"),
        ]

    def __str__(self) -> str:
        what, name = next(iter(self.because.items()), ("", ""))
        return f"Roles of the members of groups with {name}" if what == "edited_role" else f"Roles of members of {name}"

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        origin = Origin(self.ip, self.user_agent)
        return Actor(ActorKind(self.actor_kind), self.actor_id, self.actor_label, origin, self.power)

    @property
    def power(self) -> Power:
        """What whoever asked for it may do. What a directory did is done, and so is what follows from it."""
        if self.actor_kind == ActorKind.MEMBER:
            return MemberPower(UUID(self.actor_id), self.organization_id)
        if self.actor_kind == ActorKind.STAFF:
            right = "members.change_role" if "edited_role" in self.because else "members.change_group"
            return StaffPower(self.actor_id, right)
        return DIRECTORY if self.actor_kind == ActorKind.API_KEY else UNLIMITED

    @property
    def state(self) -> str:
        """How it stands, in a word."""
        if self.finished_at is None:
            return "running" if self.done else "waiting"
        return "stopped" if self.stopped else "done"

    def is_allowed(self) -> bool:
        """Whether whoever asked for it still may."""
        scope = Scope.ROLES if "edited_role" in self.because else Scope.MEMBERS
        return has_level(self.actor, scope, Level.ACT)

    def resume(self, *, by: Actor) -> None:
        """Go on with a job that has stopped; `by` is answerable from here on."""
        from members.tasks import run_jobs

        with transaction.atomic():
            check(by, Scope.MEMBERS)
            Job.objects.filter(pk=self.pk).exclude(stopped="").update(
                stopped="", finished_at=None, actor_kind=by.kind, actor_id=by.id, actor_label=by.label[:320]
            )
            transaction.on_commit(partial(start_soon, run_jobs))


class JobBatch(models.Model):
    """Members of a job who are still to be settled."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="batches")
    member_ids = models.JSONField()

    def __str__(self) -> str:
        return f"{len(self.member_ids)} members of {self.job_id}"


def run_batch(pk: Any) -> bool:
    """Settle the next members of a job; return whether that was done. It isn't if another worker is at this job."""
    try:
        with transaction.atomic():
            job = (
                Job.objects.unfinished()
                .filter(pk=pk)
                .select_related("organization")
                .select_for_update(skip_locked=True, of=("self",))
                .first()
            )
            return job is not None and settle_next(job)
    except LastAdmin as refusal:
        stop(pk, refusal.detail)
        return True


def settle_next(job: Job) -> bool:
    """Settle the next batch of a job, whose row the caller has locked. Raises LastAdmin."""
    from members.models.derivation import lock_members, settle_now

    batch = job.batches.order_by("pk").first()
    if batch is not None and not job.is_allowed():
        stop(job.pk, NO_RIGHT)
        return True
    if batch is not None:
        member_ids = {UUID(member_id) for member_id in batch.member_ids}
        token = request_id.begin(job.request_id)
        try:
            lock_members(job.organization, member_ids)
            settle_now(job.organization, member_ids, by=job.actor, because=job.because)
        finally:
            request_id.end(token)
        batch.delete()
        Job.objects.filter(pk=job.pk).update(done=F("done") + len(member_ids))
    if not job.batches.exists():
        Job.objects.filter(pk=job.pk).update(finished_at=timezone.now())
    return True


def stop(pk: Any, reason: str) -> None:
    """End a job before its end; members who are still to be settled keep the roles that they have."""
    Job.objects.unfinished().filter(pk=pk).update(stopped=reason[:300], finished_at=timezone.now())
