"""Clockwork is told from people by sums alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from moatkeeper.sketch.base import State
from moatkeeper.sketch.rhythm import PERIODS_S, Rhythm

SKETCH = Rhythm()
START = 1_772_409_600.0
CALLS = 200
HOUR_S = 3_600.0


def folded(*times: npt.NDArray[np.float64]) -> State:
    state = SKETCH.empty(len(times))
    owners = np.repeat(np.arange(len(times)), [len(one) for one in times])
    SKETCH.fold(state, owners, np.concatenate(times)[:, None])
    return state


def whenever(seed: int) -> npt.NDArray[np.float64]:
    return START + np.random.default_rng(seed).uniform(0, 7 * 86_400, CALLS)


@pytest.mark.parametrize(("every_s", "found"), [(30.0, [1, 5, 10, 15, 30]), (90.0, [1, 5, 10, 15, 30]), (5.0, [1, 5])])
def test_a_timer_keeps_to_its_period_and_to_those_it_is_a_multiple_of(every_s: float, found: list[int]) -> None:
    jitter = np.random.default_rng(0).normal(0, 0.05, CALLS)
    strength = SKETCH.strength(folded(START + 0.4 + every_s * np.arange(CALLS, dtype=np.float64) + jitter))[0]
    beats = [int(period) for period, one in zip(PERIODS_S, strength, strict=True) if one > 0.9 and period <= HOUR_S]
    assert beats == found


def test_the_p_value_of_calls_that_come_whenever_is_uniform() -> None:
    p_values = SKETCH.p_value(folded(*(whenever(seed) for seed in range(400))))[:, :7]
    for level in (0.01, 0.1, 0.5):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.02)


def test_a_timer_is_found_beyond_doubt_and_one_with_much_jitter_too() -> None:
    rng = np.random.default_rng(1)
    loose = START + 60.0 * np.arange(CALLS) + rng.normal(0, 10, CALLS)
    at_60 = SKETCH.p_value(folded(loose, whenever(7)))[:, PERIODS_S.index(60.0)]
    assert at_60[0] < 1e-20
    assert at_60[1] > 0.001


def test_a_period_that_is_none_of_ours_is_not_found() -> None:
    p_values = SKETCH.p_value(folded(START + 7.3 * np.arange(CALLS, dtype=np.float64)))[0]
    assert p_values[PERIODS_S.index(5.0)] > 0.5
    assert p_values[PERIODS_S.index(60.0)] > 0.5


def test_one_call_proves_nothing_and_none_is_nan() -> None:
    assert SKETCH.strength(folded(np.array([START]))).min() == pytest.approx(1.0, abs=1e-4)
    assert SKETCH.p_value(folded(np.array([START]))).min() > 0.2
    assert np.isnan(SKETCH.strength(SKETCH.empty(1))).all()
