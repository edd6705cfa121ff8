"""Checkpoints: accounts are read at exactly so many rows, whoever else is in the batch."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from moatkeeper.patterns import checkpoints
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(60, 32, seed=1))


def test_only_accounts_with_enough_rows_are_read() -> None:
    rng = np.random.default_rng(2)
    batch = batch_of([honest_rows(rng, count) for count in (3, 4, 9, 8)])
    reached = {one.rows: one.accounts.tolist() for one in readings_at_checkpoints(profile(), batch)}
    assert reached == {4: [1, 2, 3], 8: [2, 3]}


def test_rows_after_a_checkpoint_change_nothing_at_it() -> None:
    rows = honest_rows(np.random.default_rng(3), 16)
    short = {one.rows: one.readings for one in readings_at_checkpoints(profile(), batch_of([rows[:8]]))}
    long = {one.rows: one.readings for one in readings_at_checkpoints(profile(), batch_of([rows]))}
    for count in (4, 8):
        np.testing.assert_array_equal(short[count], long[count])


def test_groups_of_accounts_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = honest_batch(11, 8, seed=4)
    whole = {one.rows: one.readings for one in readings_at_checkpoints(profile(), batch)}
    monkeypatch.setattr(checkpoints, "AT_ONCE", 4)
    parts = [one for one in readings_at_checkpoints(profile(), batch) if one.rows == 8]
    assert np.concatenate([one.accounts for one in parts]).tolist() == list(range(11))
    np.testing.assert_array_equal(np.concatenate([one.readings for one in parts]), whole[8])
