"""Calibration: its promise holds on honest accounts that it has not seen, and it says when it cannot make one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration, account_places
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.evidence import ALPHA
from tests.support.honest import batch_of, honest_batch, honest_rows, thief_rows

ROWS = 32


@cache
def calibration() -> Calibration:
    return Calibration.fit("model", honest_batch(2_200, ROWS, seed=1))


def p_values(batch: Batch, rows: int = ROWS) -> np.ndarray:
    for reached in readings_at_checkpoints(calibration().profile, batch):
        if reached.rows == rows:
            checkpoint = calibration().at(rows)
            assert checkpoint is not None
            return checkpoint.look(reached.readings).p_values
    raise AssertionError("no account reached the checkpoint")


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_honest_accounts_get_small_p_values_as_rarely_as_promised(alpha: float) -> None:
    later = p_values(honest_batch(2_000, ROWS, seed=2, prefix="later"))
    spread = np.sqrt(alpha * (1 - alpha) * (1 / len(later) + 1 / 1_200))
    assert np.mean(later <= alpha) <= alpha + 3.5 * spread


def test_thieves_get_the_smallest_and_dimmed_honest_accounts_do_not() -> None:
    rng = np.random.default_rng(3)
    thieves = p_values(batch_of([thief_rows(rng, ROWS) for _ in range(50)], "thief"))
    assert np.mean(thieves <= 0.01) >= 0.95
    # The negative control: the same number of accounts, rows and requests, but a customer's rows.
    honest = p_values(batch_of([honest_rows(rng, ROWS) for _ in range(50)], "customer"))
    assert np.mean(honest <= 0.01) <= 0.1


def test_a_file_holds_all_of_it() -> None:
    again = Calibration.from_bytes(calibration().to_bytes(), "a file")
    batch = honest_batch(20, ROWS, seed=4)
    for one, other in zip(
        readings_at_checkpoints(calibration().profile, batch), readings_at_checkpoints(again.profile, batch), strict=True
    ):
        np.testing.assert_array_equal(one.readings, other.readings)
    assert (again.rows, again.accounts, again.least_alpha) == ((4, 8, 16, 32), 2_200, calibration().least_alpha)


def test_few_accounts_only_rank() -> None:
    assert calibration().least_alpha <= ALPHA
    assert Calibration.fit("model", honest_batch(120, ROWS, seed=5)).least_alpha > ALPHA


def test_too_few_accounts_are_refused_with_a_hint() -> None:
    with pytest.raises(CalibrationError, match="found 10 honest accounts") as raised:
        Calibration.fit("model", honest_batch(10, 300, seed=6))
    assert "shadow period" in raised.value.hint


def test_accounts_are_dealt_by_name_alone() -> None:
    places = account_places(("a", "b", "\ud800"))
    assert places.tolist() == account_places(("\ud800", "b", "a")).tolist()[::-1]
    spread = account_places(tuple(str(number) for number in range(2_000)))
    assert 0.45 < spread.mean() < 0.55
