"""A few hundred odd requests at every door, to a web server of its own; `make fuzz` sends a million."""

import pytest

from tests.fuzz.drive import SHARES, Fuzz, report
from tests.fuzz.world import make_world
from tests.server import database_url, serving

REQUESTS = dict.fromkeys(SHARES, 200) | {"staff": 60}
# What takes long is found when the machine does nothing else; here it would tell of the tests beside this one.
PATIENCE = 30.0
OPEN = dict.fromkeys(("KEY_RATE_LIMIT", "KEY_RATE_BURST", "KEY_IN_FLIGHT", "ORGANIZATION_IN_FLIGHT"), "1000000")


@pytest.mark.django_db(transaction=True)
def test_no_door_crashes_or_tells_of_another_organization_whatever_it_is_asked() -> None:
    with serving(0, DATABASE_URL=database_url(), TRUSTED_PROXIES="127.0.0.1", BAD_KEY_LIMIT="0", **OPEN) as server:
        fuzz = Fuzz(server.address, make_world(0), "short", slow=PATIENCE)
        for door in SHARES:
            fuzz.doors = [door]
            fuzz.send(range(REQUESTS[door]))
        tally = fuzz.tally
        told = report(tally, server.address, server.log())
    if tally.failures:
        pytest.fail(told)
    for door, statuses in tally.statuses.items():
        assert statuses.total() == REQUESTS[door]
        assert statuses[200] + statuses[201] > REQUESTS[door] / 10, f"Hardly anything opens {door}:\n{told}"
