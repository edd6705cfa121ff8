"""Accounts are dealt by their names: whole, the same in every run, and evenly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.hunt.comparing import FOLDS, Fold, fit, fold_of, load, odd_windows, places, share_of
from moatkeeper.patterns.calibration import Calibration
from tests.support.honest import honest_batch

NAMES = tuple(f"account-{number}" for number in range(2000))


@given(st.lists(st.text(max_size=8), max_size=20))
def test_an_account_is_always_dealt_to_the_same_fold(names: list[str]) -> None:
    folds = fold_of(names)
    assert folds.tolist() == [int(fold_of([name])[0]) for name in names]
    assert set(folds.tolist()) <= set(range(FOLDS))


def test_folds_are_even_and_independent_of_the_sample() -> None:
    folds, sampled = fold_of(NAMES), places(NAMES, "hunt-sample") < 0.5
    assert abs(folds.mean() - 0.5) < 0.05
    assert abs(folds[sampled].mean() - 0.5) < 0.07


def test_of_small_logs_everything_is_learned_from_and_of_large_or_wide_ones_a_share() -> None:
    assert share_of(1000, 20) == 1.0
    assert share_of(1_600_000, 20) == 0.1
    assert share_of(2_400_000, 3_000) < 0.01


def test_a_fold_becomes_a_calibration_or_says_why_not(tmp_path: Path) -> None:
    file = tmp_path / "fold"
    assert fit(Fold("m", honest_batch(200, 12, 1), {}, file)).why == ""
    assert load(file).profile.model == "m"
    assert "found 5 honest accounts" in fit(Fold("m", honest_batch(5, 60, 1), {}, tmp_path / "none")).why


def test_honest_windows_are_not_odd() -> None:
    batch = honest_batch(300, 12, 2)
    numbers, odd = odd_windows(Calibration.fit("m", batch), batch)
    assert len(numbers) == len(batch)
    assert np.array_equal(odd, np.empty(0, dtype=np.int64))
