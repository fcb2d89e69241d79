"""Steps that an organization has turned off are as good as not there; the month can't be turned off."""

import itertools

import pytest

from apikeys.models import Notice
from audit.models import Action, Event
from tests.conftest import SETUP

Step = Notice.Kind
OFF = {
    Step.WEEK: {"reminds_week_before": False},
    Step.DAY: {"reminds_day_before": False},
    Step.EXPIRY: {"reminds_at_expiry": False},
}
ON_TIME = ("2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10", "2027-07-01")


@pytest.fixture
def turn(acme):
    """Return a function that turns steps of acme off."""

    def turn(*steps):
        acme.set_key_policy(**{name: value for step in steps for name, value in OFF[step].items()}, by=SETUP)

    return turn


def steps():
    return list(Notice.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("off", [set(some) for size in range(4) for some in itertools.combinations(OFF, size)])
def test_what_is_on_is_told_on_its_day_and_what_is_off_never(ana, key, run_on, turn, off):
    turn(*off)
    key("2027-06-10")
    told = [step for step, when in zip([*Step], ON_TIME, strict=False) if run_on(when)]
    assert told == [step for step in Notice.REMINDERS if step not in off]
    assert steps() == told
    assert run_on("2027-08-01") == []


def test_a_step_that_is_off_is_not_told_instead_of_one_that_was(ana, key, run_on, turn):
    turn(Step.WEEK)
    key("2027-06-10")
    assert len(run_on("2027-05-10")) == 1
    assert run_on("2027-06-05") == []


def test_a_month_that_an_outage_swallowed_is_told_late_when_the_week_is_off(ana, key, run_on, turn):
    turn(Step.WEEK)
    key("2027-06-10")
    [mail] = run_on("2027-06-05")
    assert "expires in 5 days" in mail["Subject"]
    assert steps() == [Step.MONTH]


def test_a_step_that_is_turned_off_after_it_was_told_does_not_bring_back_an_earlier_one(ana, key, run_on, turn):
    key("2027-06-10")
    assert len(run_on("2027-06-03")) == 1
    turn(Step.WEEK)
    assert run_on("2027-06-04") == []
    assert steps() == [Step.WEEK]


def test_a_step_that_is_turned_off_while_it_waits_is_not_told(ana, key, run_on, turn, mailbox):
    key("2027-06-10")
    run_on("2027-05-10")
    mailbox.refused = {"ana@acme.example"}
    run_on("2027-06-03")
    assert steps() == [Step.MONTH, Step.WEEK]
    turn(Step.WEEK)
    mailbox.refused = set()
    assert run_on("2027-06-04") == []
    assert steps() == [Step.MONTH]


def test_a_step_that_is_turned_on_late_is_told_late(acme, ana, key, run_on, turn):
    turn(Step.WEEK)
    key("2027-06-10")
    run_on("2027-05-10")
    acme.set_key_policy(reminds_week_before=True, by=SETUP)
    assert len(run_on("2027-06-05")) == 1
    assert steps() == [Step.MONTH, Step.WEEK]


def test_the_expiry_is_in_the_audit_log_even_when_nobody_is_told_of_it(acme, ana, key, run_on, turn):
    turn(Step.EXPIRY)
    key("2027-06-10")
    run_on("2027-06-09")
    assert run_on("2027-06-10") == []
    assert Event.objects.filter(action=Action.API_KEY_EXPIRED).count() == 1
    acme.set_key_policy(reminds_at_expiry=True, by=SETUP)
    assert run_on("2027-06-11") == []


def test_a_last_step_that_an_outage_swallowed_is_told_after_the_expiry_when_that_is_off(ana, key, run_on, turn):
    turn(Step.EXPIRY)
    key("2027-06-10")
    [mail] = run_on("2027-06-12")
    assert "expired on 10 Jun 2027" in mail["Subject"]
    assert steps() == [Step.DAY]
    assert run_on("2027-06-13") == []


def test_another_organizations_switches_are_its_own(ana, eve, globex, key, run_on):
    globex.set_key_policy(reminds_week_before=False, by=SETUP)
    key("2027-06-10")
    assert len(run_on("2027-06-03")) == 1
