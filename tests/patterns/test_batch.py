"""Batches: rows can be chosen and accounts left out without mixing anything up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.batch import Batch, joined, rank_in_account

ACCOUNTS = st.lists(st.integers(0, 5), max_size=40)


def batch_of(accounts: list[int]) -> Batch:
    count = len(accounts)
    return Batch(
        tuple("abcdef"),
        np.array(accounts, dtype=np.int64),
        np.arange(count, dtype=np.float64),
        np.arange(count),
        inputs=np.arange(2.0 * count).reshape(count, 2),
        texts=tuple(f"text {number}" for number in range(count)),
    )


@given(ACCOUNTS)
def test_ranks_count_the_earlier_rows_of_the_same_account(accounts: list[int]) -> None:
    expected = [accounts[:place].count(account) for place, account in enumerate(accounts)]
    assert rank_in_account(np.array(accounts, dtype=np.int64)).tolist() == expected


@given(ACCOUNTS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_rows_of_kept_accounts_stay_as_they_are(accounts: list[int], kept: list[bool]) -> None:
    part = batch_of(accounts).of_accounts(np.array(kept))
    rows = [place for place, account in enumerate(accounts) if kept[account]]
    assert part.at.tolist() == [float(row) for row in rows]
    assert [part.names[account] for account in part.accounts.tolist()] == ["abcdef"[accounts[row]] for row in rows]
    assert part.texts == tuple(f"text {row}" for row in rows)
    assert part.inputs is not None
    assert part.inputs[:, 0].tolist() == [2.0 * row for row in rows]


def test_a_mask_and_positions_choose_alike() -> None:
    whole = batch_of([0, 1, 0, 2])
    mask = np.array([True, False, True, False])
    assert whole.take(mask).at.tolist() == whole.take(np.array([0, 2])).at.tolist() == [0.0, 2.0]


def test_joined_batches_keep_their_accounts_and_requests_apart() -> None:
    whole = joined([batch_of([0, 1]), batch_of([2])])
    assert len(whole.names) == 12
    assert whole.accounts.tolist() == [0, 1, 8]
    assert whole.requests.tolist() == [0, 1, 2]
    assert whole.texts == ("text 0", "text 1", "text 0")
    with pytest.raises(ValueError, match="with and without texts"):
        joined([batch_of([0]), replace(batch_of([0]), texts=None)])
    with pytest.raises(ValueError, match="no batches"):
        joined([])
