"""From which commit the tests upgrade, where no tag says which was released."""

from tests.deployment.release import Key, dependencies, leads_to, migrations_of, previous_release

FIRST, SECOND, THIRD, OTHER = ("members", "0001"), ("members", "0002"), ("members", "0003"), ("audit", "0001")
TODAY: dict[Key, set[Key]] = {FIRST: set(), SECOND: {FIRST}, THIRD: {FIRST, SECOND}, OTHER: {FIRST}}


def test_a_database_is_migrated_whose_migrations_are_the_first_of_todays() -> None:
    for applied in ({FIRST}, {FIRST, SECOND}, {FIRST, OTHER}, set(TODAY)):
        assert leads_to(TODAY, applied)


def test_none_is_before_which_another_was_put_later_or_that_has_one_of_its_own() -> None:
    for applied in ({FIRST, THIRD}, {SECOND}, {FIRST, ("members", "0002_renamed")}):
        assert not leads_to(TODAY, applied)


def test_the_previous_release_leads_here() -> None:
    before = migrations_of(previous_release())
    assert leads_to(dependencies(), before)
    assert before
