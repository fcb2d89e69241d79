"""The audit log: who did what to what, when and from where."""

import datetime as dt
from uuid import UUID

from rest_framework.response import Response
from rest_framework.serializers import ChoiceField, ListField

from api.authentication import ApiRequest
from api.fields import Instant, Text
from api.ids import require_uuid
from api.openapi import AUDIT_LOG, UUID_OF_EVENT, operation
from api.parameters import PageParameters
from api.public_ids import PublicIds, by_actor, by_target
from api.serializers import AuditEventSerializer, page_of
from api.views.base import ApiView, ListView, get_or_404
from audit.models import Action, EventQuerySet
from members.models import Scope

# The id of an event is made microseconds before its time is read.
SLACK = dt.timedelta(minutes=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class AuditEventParameters(PageParameters):
    """Filters; an event has to meet all that are given."""

    event = ListField(
        child=ChoiceField(choices=Action.values),
        required=False,
        max_length=len(Action.values),
        help_text="What happened. Given several times, events of any of these.",
    )
    actor = Text(
        required=False,
        max_length=320,
        help_text="Who did it: the whole `actor.id`, or the whole `actor.label` in any case.",
    )
    target = Text(
        required=False,
        max_length=320,
        help_text="What it was done to: the whole `target.id`, or the whole `target.label` in any case.",
    )
    since = Instant(required=False, help_text="The earliest `created_at`; RFC 3339 with a zone.")
    until = Instant(required=False, help_text="The first `created_at` that is too late; RFC 3339 with a zone.")


class AuditEventListView(ListView):
    """GET /audit-events."""

    scope = Scope.AUDIT_LOG
    parameters = AuditEventParameters

    @operation(
        "list_audit_events",
        AUDIT_LOG,
        "List audit events",
        page_of(AuditEventSerializer),
        parameters=AuditEventParameters,
    )
    def get(self, request: ApiRequest) -> Response:
        """What happened in the organization, the newest first."""
        return self.page(
            self.filtered(request.organization.events.all()),
            AuditEventSerializer,
            ordering=("-id",),
            context=lambda events: {"ids": PublicIds(request.organization, events)},
        )

    def filtered(self, events: EventQuerySet) -> EventQuerySet:
        """Return those of `events` that meet the filters.

        An id begins with the time, and the index of the log is by id: so `since` and `until` bound it twice.
        """
        given, organization = self.given, self.request.organization
        if "event" in given:
            events = events.filter(action__in=given["event"])
        for name, condition in (("actor", by_actor), ("target", by_target)):
            if name in given:
                events = events.filter(condition(organization, given[name]))
        if "since" in given:
            events = events.filter(created_at__gte=given["since"], id__gte=first_id(given["since"], -SLACK))
        if "until" in given:
            events = events.filter(created_at__lt=given["until"], id__lte=first_id(given["until"], SLACK))
        return events


class AuditEventView(ApiView):
    """GET /audit-events/{event_id}."""

    scope = Scope.AUDIT_LOG

    @operation("get_audit_event", AUDIT_LOG, "Read an audit event", AuditEventSerializer, path=UUID_OF_EVENT)
    def get(self, request: ApiRequest, event_id: str) -> Response:
        """One event, with all that changed."""
        event = get_or_404(request.organization.events.all(), pk=require_uuid(event_id))
        return Response(AuditEventSerializer(event, context={"ids": PublicIds(request.organization, [event])}).data)


def first_id(moment: dt.datetime, slack: dt.timedelta) -> UUID:
    """Return the lowest id made at `moment`, moved by `slack`: 48 bits of milliseconds come first (RFC 9562 §5.7)."""
    milliseconds = (moment - EPOCH + slack) // dt.timedelta(milliseconds=1)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
