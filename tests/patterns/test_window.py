"""Windows: the accounts of one stretch of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.rings_world import batch_of, honest_week
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.window import WEEK_S, reaching, window_numbers, windows_of
from tests.support.ring_world import calibration, honest, window, world


def _one_account(times: list[float]) -> Batch:
    """One account's rows at these times."""
    rows = world().rows[: len(times)]
    at = np.array(times)
    return Batch(("a",), np.zeros(len(times), dtype=np.int64), at, np.arange(len(times)), rows, scores=world().victim(rows))


def test_an_account_is_read_in_the_window_in_which_it_reaches_a_checkpoint() -> None:
    batch = _one_account([0.1, 0.2, 1.3, 1.4, 2.1, 2.2, 3.1, 3.2])
    found = list(windows_of(calibration().profile, batch, 0.0, 1.0))
    assert [(number, window.rows.tolist()) for number, window in found] == [(1, [4]), (3, [8])]
    assert [len(window.buckets) for _, window in found] == [2, 2]  # the rows sent in the window


def test_of_two_checkpoints_in_one_window_the_last_counts() -> None:
    ((number, found),) = windows_of(calibration().profile, _one_account([0.1] * 9), 0.0, 1.0)
    assert (number, found.rows.tolist()) == (0, [8])


def test_readings_do_not_depend_on_who_else_is_there() -> None:
    batch = batch_of(world(), [honest_week(world(), np.random.default_rng(2), 60)], np.random.default_rng(3))
    kept = np.arange(len(batch.names)) % 2 == 0
    ((_, whole),) = windows_of(calibration().profile, batch, 0.0)
    ((_, part),) = windows_of(calibration().profile, batch.of_accounts(kept), 0.0)
    place = [whole.names.index(name) for name in part.names]
    assert np.allclose(whole.readings[place], part.readings, equal_nan=True)
    assert np.array_equal(whole.rows[place], part.rows)


def test_states_are_held_of_those_asked_for_and_read_as_before() -> None:
    plain = window(honest(5), 5)
    keep = frozenset(plain.names[::7])
    found = window(honest(5), 5, keep)
    profile = calibration().profile
    assert {found.names[place] for place in found.kept.tolist()} == keep
    assert np.allclose(profile.read(found.states, found.rows[found.kept]), found.readings[found.kept], equal_nan=True)
    chosen = np.arange(len(found)) % 3 == 0
    part = found.take(chosen)
    assert np.allclose(profile.read(part.states, part.rows[part.kept]), part.readings[part.kept], equal_nan=True)
    assert set(part.owners.tolist()) <= set(range(len(part)))


def test_whoever_has_an_entry_is_tested_there_and_nobody_else() -> None:
    batch = batch_of(world(), [honest_week(world(), np.random.default_rng(2), 60)] * 2, np.random.default_rng(3))
    batch = replace(batch, at=batch.at % WEEK_S * 2)
    numbers = window_numbers(batch.at, 0.0, WEEK_S)
    there = reaching(batch, numbers)
    for number, found in windows_of(calibration().profile, batch, 0.0):
        inside = there & (numbers == number)
        assert {batch.names[account] for account in batch.accounts[inside].tolist()} == set(found.names)


def test_a_batch_without_rows_has_no_windows() -> None:
    assert list(windows_of(calibration().profile, _one_account([]), 0.0)) == []
