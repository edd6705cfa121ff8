"""Cells that no honest customer ever visited."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.hashing import number_hashes
from moatkeeper.patterns.shared_cells import A_CELL, TABLES, SharedHistory, bucket_hashes, meet, varied
from moatkeeper.patterns.window import EDITOR
from tests.support.ring_world import calibration, honest, in_ring, window, with_ring


def _history() -> SharedHistory:
    history = calibration().history
    assert history is not None
    return history.shared


def test_rows_that_share_half_of_their_codes_share_a_cell_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 16, (500, 20))
    near = codes.copy()
    near[:, 3] = 17
    cells, others = bucket_hashes(codes), bucket_hashes(near)
    assert (cells == others).any(axis=1).all()
    assert all(len(np.unique(column)) == 500 for column in cells.T)


def test_what_history_visited_is_not_empty_and_what_it_never_saw_mostly_is() -> None:
    rng = np.random.default_rng(2)
    seen = rng.integers(0, 2**62, (2_000, TABLES + 1))
    nobody = np.zeros(2_000, dtype=np.int64)
    history = SharedHistory.fit(seen, nobody, nobody, np.ones(2_000, dtype=bool))
    assert not history.empty(seen).any()
    assert history.empty(rng.integers(0, 2**62, (2_000, TABLES + 1))).mean() > 0.99


def test_two_accounts_in_a_cell_are_a_chance_meeting_and_three_are_not() -> None:
    cells = np.c_[np.arange(TABLES)[None, :].repeat(A_CELL, axis=0), np.arange(A_CELL)]
    everywhere = np.ones((A_CELL, TABLES), dtype=bool)
    owners = np.arange(A_CELL)
    assert meet(cells, owners, everywhere, 5).sizes.tolist() == [3, 3, 3, 1, 1]
    assert meet(cells[:2], owners[:2], everywhere[:2], 5).sizes.tolist() == [1] * 5
    assert meet(cells, owners, ~everywhere, 5).sizes.tolist() == [1] * 5


def test_colleagues_who_send_the_same_row_do_not_meet() -> None:
    cells = np.arange(TABLES + 1)[None, :].repeat(10, axis=0)
    assert meet(cells, np.arange(10), np.ones((10, TABLES), dtype=bool), 10).sizes.tolist() == [1] * 10


def test_in_honest_weeks_nobody_is_conspicuous_and_a_dealt_line_search_is() -> None:
    history = _history()
    for seed in range(4):
        found = window(honest(seed), seed)
        assert not history.conspicuous(found.buckets, found.owners, len(found)).any()
    found = window(with_ring("line", 300, 8, 6), 6)
    conspicuous = history.conspicuous(found.buckets, found.owners, len(found))
    ring = np.array([in_ring(name) for name in found.names])
    assert conspicuous[ring].mean() > 0.3
    assert conspicuous[~ring].mean() < 0.1


def test_an_account_that_varies_one_row_is_told_from_one_that_sends_different_or_the_same_rows() -> None:
    rng = np.random.default_rng(4)
    one, others = rng.integers(0, 16, (1, 20)).repeat(10, axis=0), rng.integers(0, 16, (10, 20))
    edited = one.copy()
    edited[np.arange(10), rng.integers(0, 20, 10)] = 30 + np.arange(10)
    codes = np.concatenate([edited, others, one])
    buckets = np.c_[bucket_hashes(codes), number_hashes(codes.astype(float))]
    shares = varied(buckets, np.repeat([0, 1, 3], 10), 5)
    assert shares[0] > EDITOR
    assert shares[1:].tolist() == [0.0] * 4


def test_without_history_every_meeting_is_possible_for_everybody() -> None:
    none = np.empty(0, dtype=np.int64)
    history = SharedHistory.fit(np.empty((0, TABLES + 1), dtype=np.int64), none, none, np.empty(0, dtype=bool))
    assert history.share == 1.0
