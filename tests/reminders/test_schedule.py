"""What the page of a key tells of its reminders."""

import datetime as dt

import pytest
import time_machine

from apikeys.models import ApiKey, Notice
from apikeys.reminders import State, due_at, schedule
from tests.conftest import SETUP, new_key, person
from tests.reminders.conftest import day

Step = Notice.Kind
ANA = "ana@acme.example"


def states(api_key, when):
    fresh = ApiKey.objects.get(pk=api_key.pk)
    return [item.state.value for item in schedule(fresh, day(when))]


def reasons(api_key, when):
    fresh = ApiKey.objects.get(pk=api_key.pk)
    return [item.reason for item in schedule(fresh, day(when))]


def test_a_key_that_never_expires_has_none(acme):
    assert schedule(new_key(acme).api_key, day("2027-01-01")) == []


def test_it_lists_the_steps_in_order_with_when_they_fall_due(ana, key):
    api_key = key("2027-06-10")
    listed = schedule(api_key, day("2027-01-01"))
    assert [item.kind for item in listed] == [Step.MONTH, Step.WEEK, Step.DAY, Step.EXPIRY]
    assert [item.due_at for item in listed] == [due_at(api_key, item.kind) for item in listed]
    assert {item.due_at.utcoffset() for item in listed} == {dt.timedelta()}
    assert {item.state for item in listed} == {State.TO_COME}
    assert State.TO_COME.label == "To come"


def test_steps_become_sent_one_after_the_other(ana, key, run_on):
    api_key = key("2027-06-10")
    seen = []
    for when in ("2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10"):
        run_on(when)
        seen.append(states(api_key, when).count("sent"))
    assert seen == [1, 2, 3, 4]
    assert [notice.recipient for notice in schedule(api_key, day("2027-06-10"))[0].notices] == [ANA]


def test_steps_that_were_past_when_the_key_was_made_are_skipped(ana, key):
    api_key = key("2027-06-10", made_on="2027-06-05")
    assert states(api_key, "2027-06-05") == ["skipped", "skipped", "to come", "to come"]
    assert reasons(api_key, "2027-06-05")[:2] == ["the key was made later"] * 2


def test_after_a_pause_the_latest_takes_the_place_of_the_others(ana, key, run_on):
    api_key = key("2027-06-10")
    assert states(api_key, "2027-06-09") == ["skipped", "skipped", "waiting", "to come"]
    run_on("2027-06-09")
    assert states(api_key, "2027-06-09") == ["skipped", "skipped", "sent", "to come"]
    assert reasons(api_key, "2027-06-09")[0] == "a later reminder took its place"


def test_what_waits_says_why(ana, key, run_on, mailbox):
    api_key = key("2027-06-10")
    mailbox.refused = {ANA}
    run_on("2027-05-10")
    assert states(api_key, "2027-05-10")[0] == "waiting"
    assert reasons(api_key, "2027-05-10")[0] == "the last attempt failed: 452 4.2.2 Mailbox full"
    assert states(api_key, "2027-06-03")[:2] == ["skipped", "waiting"]


def test_what_failed_says_for_how_many(acme, ana, key, run_on, mailbox):
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    api_key = key("2027-06-10")
    mailbox.answers[ANA, "RCPT"] = ["550 5.1.1 No such user"]
    run_on("2027-05-10")
    assert states(api_key, "2027-05-10")[0] == "failed"
    assert reasons(api_key, "2027-05-10")[0] == "1 of 2 could not be delivered"


def test_a_step_that_is_off_says_so(acme, ana, key):
    acme.set_key_policy(reminds_day_before=False, by=SETUP)
    assert states(key("2027-06-10"), "2027-05-01") == ["to come", "to come", "off", "to come"]


def test_a_step_that_was_told_before_it_was_turned_off_stays_sent(acme, ana, key, run_on):
    api_key = key("2027-06-10")
    run_on("2027-06-03")
    acme.set_key_policy(reminds_week_before=False, by=SETUP)
    assert states(api_key, "2027-06-04") == ["skipped", "sent", "to come", "to come"]
    assert reasons(api_key, "2027-06-04")[0] == "a later reminder took its place"


def test_a_deleted_key_has_nothing_to_come(ana, key, run_on):
    api_key = key("2027-06-10")
    run_on("2027-05-10")
    with time_machine.travel(day("2027-05-20"), tick=False):
        api_key.delete_key(by=SETUP)
    assert states(api_key, "2027-06-03") == ["sent", "skipped", "skipped", "skipped"]
    assert reasons(api_key, "2027-06-03")[1] == "the key was deleted"


def test_an_expiry_of_which_nobody_was_to_be_told_is_skipped(acme, ana, key, run_on):
    acme.set_key_policy(reminds_at_expiry=False, by=SETUP)
    api_key = key("2027-06-10")
    run_on("2027-06-09")
    run_on("2027-06-10")
    assert states(api_key, "2027-06-11")[3] == "off"
    acme.set_key_policy(reminds_at_expiry=True, by=SETUP)
    assert states(api_key, "2027-06-11")[3] == "skipped"
    assert reasons(api_key, "2027-06-11")[3] == "nobody was to be told when it fell due"


@pytest.mark.parametrize("prefetched", [True, False])
def test_notices_that_are_prefetched_are_used(ana, key, run_on, prefetched, django_assert_num_queries):
    key("2027-06-10")
    run_on("2027-05-10")
    keys = ApiKey.objects.select_related("organization")
    [api_key] = keys.prefetch_related("notices") if prefetched else keys
    with django_assert_num_queries(0 if prefetched else 1):
        assert len(schedule(api_key, day("2027-05-10"))[0].notices) == 1
