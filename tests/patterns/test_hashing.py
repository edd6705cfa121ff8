"""Hashes: the same row has the same hash, others practically never."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moatkeeper.patterns.hashing import category_number, number_hashes, row_hashes, text_hashes

MANY = 100_000
MOST_EXACT = 2**53


@given(arrays(np.float64, (5, 3), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_equal_rows_have_equal_hashes_from_zero_up(rows: np.ndarray) -> None:
    hashes = number_hashes(rows)
    assert (hashes >= 0).all()
    assert number_hashes(rows[::-1].copy()).tolist() == hashes[::-1].tolist()
    assert number_hashes(rows, salt=1).tolist() != hashes.tolist()


def test_both_zeros_are_one_and_all_nan_are_one() -> None:
    weird = np.array([[0.0], [-0.0], [np.nan], [-np.nan]])
    first, second, third, fourth = number_hashes(weird).tolist()
    assert first == second
    assert third == fourth != first


def test_a_hundred_thousand_rows_do_not_collide() -> None:
    numbers = np.arange(MANY)
    assert len(np.unique(row_hashes(np.stack([numbers % 100, numbers // 100], axis=1)))) == MANY


def test_columns_are_not_exchangeable() -> None:
    one, other = row_hashes(np.array([[1, 2], [2, 1]])).tolist()
    assert one != other


@given(st.lists(st.text(), max_size=8))
def test_texts_of_any_kind_have_hashes(texts: list[str]) -> None:
    hashes = text_hashes(tuple(texts)).tolist()
    assert all(one >= 0 for one in hashes)
    assert [texts.index(text) for text in texts] == [hashes.index(one) for one in hashes]


@given(st.text())
def test_a_category_is_a_whole_number_that_floats_hold_exactly(text: str) -> None:
    number = category_number(text)
    assert number == int(number) < MOST_EXACT
    assert number == category_number(text)
