"""The history of honest accounts."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.history import ENOUGH_WINDOWS, LEFT_OUT, History
from moatkeeper.patterns.window import Window
from tests.support.ring_world import WEEKS, calibration, honest, window


def _history() -> History:
    history = calibration().history
    assert history is not None
    return history


def _readings(found: Window) -> FloatArray:
    return _history().of_detectors(calibration().profile.detectors, found.readings)


def test_it_has_as_many_windows_as_there_were_weeks_and_each_lasts_about_one() -> None:
    history = _history()
    assert len(np.unique(history.windows)) == len(history.past) == WEEKS == ENOUGH_WINDOWS
    assert 0.99 < history.window_s / (7 * 86_400) <= 1.0
    assert 0 < history.tested <= 1


def test_what_a_season_moves_for_everybody_is_left_out() -> None:
    assert not LEFT_OUT & set(_history().statistics)
    assert LEFT_OUT & set(calibration().profile.detectors)


def test_it_survives_a_file_and_is_small() -> None:
    content = calibration().to_bytes()
    other = Calibration.from_bytes(content, "here").history
    assert other is not None
    found = window(honest(1), 1)
    mine, theirs = (one.p_values(found.keys, found.rows, _readings(found)) for one in (_history(), other))
    assert np.array_equal(mine, theirs, equal_nan=True)


def test_ranks_of_honest_accounts_are_even_for_every_statistic() -> None:
    found = [window(honest(seed), seed) for seed in range(3)]
    history = _history()
    p_values = np.concatenate([history.p_values(one.keys, one.rows, _readings(one)) for one in found])
    for column in p_values.T:
        known = np.sort(column[~np.isnan(column)])
        apart = np.abs(known - (np.arange(len(known)) + 0.5) / len(known)).max()
        assert apart < 0.08  # the history has a few hundred accounts at a checkpoint, and a window shares its events


def test_ranks_do_not_depend_on_other_accounts() -> None:
    found = window(honest(2), 2)
    part = found.take(np.arange(len(found)) < 20)
    whole = _history().p_values(found.keys, found.rows, _readings(found))
    assert np.array_equal(_history().p_values(part.keys, part.rows, _readings(part)), whole[:20], equal_nan=True)


def test_the_strangest_reading_has_the_smallest_rank_and_a_missing_one_none_below_it() -> None:
    history = _history()
    rows = np.full(2, 4)
    readings = np.stack([np.full(len(history.statistics), 1e9), np.full(len(history.statistics), np.nan)])
    p_values = history.p_values(np.array([1, 2]), rows, readings)
    assert p_values[0].max() <= 1 / (1 + history.size_at(rows)[0])
    assert (p_values[1] > p_values[0]).all()


def test_nobody_is_ranked_at_a_checkpoint_with_too_few_past_accounts() -> None:
    history = _history()
    readings = np.zeros((1, len(history.statistics)))
    assert np.isnan(history.p_values(np.array([1]), np.array([16_384]), readings)).all()
    assert history.size_at(np.array([16_384])).tolist() == [0]
