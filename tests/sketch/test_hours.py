"""When in the week somebody calls."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from moatkeeper.sketch.base import State
from moatkeeper.sketch.hours import DAY, Hours

SKETCH = Hours()
WEEK_S = 7 * 86_400.0
MONDAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


def folded(times: list[float]) -> State:
    state = SKETCH.empty(1)
    SKETCH.fold(state, np.zeros(len(times), dtype=np.int64), np.array(times, dtype=np.float64).reshape(-1, 1))
    return state


@pytest.mark.parametrize("day", range(7))
@pytest.mark.parametrize("hour", [0, 13, 23])
def test_the_hour_is_that_of_the_calendar(day: int, hour: int) -> None:
    moment = datetime(2026, 3, 2 + day, hour, 59, 59, tzinfo=UTC)
    assert np.flatnonzero(folded([moment.timestamp()])[0]).tolist() == [moment.weekday() * DAY + hour]


def test_a_clerk_rests_and_a_machine_does_not() -> None:
    office = [MONDAY + day * 86_400 + hour * 3_600 for day in range(5) for hour in range(9, 17)]
    machine = [MONDAY + 3_600.0 * hour for hour in range(7 * DAY)]
    clerk, engine = folded(office), folded(machine)
    assert (SKETCH.rest(clerk)[0], SKETCH.rest(engine)[0]) == (16, 0)
    assert SKETCH.evenness(engine)[0] == pytest.approx(1.0)
    assert SKETCH.evenness(clerk)[0] == pytest.approx(np.log(8) / np.log(24))
    assert (SKETCH.weekend(clerk)[0], SKETCH.weekend(engine)[0]) == (0.0, pytest.approx(2 / 7))


def test_a_rest_goes_over_midnight() -> None:
    assert SKETCH.rest(folded([MONDAY + 3_600 * hour for hour in range(6, 20)])).tolist() == [10]
    assert SKETCH.rest(SKETCH.empty(1)).tolist() == [24]


def test_clocks_that_are_off_count_nothing() -> None:
    assert not folded([np.nan, np.inf, -5.0]).any()
    assert folded([1e300]).sum() == 1
    assert np.isnan(SKETCH.evenness(SKETCH.empty(1)))[0]
    assert np.isnan(SKETCH.weekend(SKETCH.empty(1)))[0]
