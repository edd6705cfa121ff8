"""Laws of significant digits: signs, zeros, order and the first top survive them, at every size a double can have."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.numbers import keep_best, round_number, round_numbers, signs

DIGITS = st.integers(1, 15)
SIZES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-100, 100),
    st.sampled_from(
        [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 1e22, 1e-7, 9999.6, 1000.0, 1.00001, 1.00002, -1.00001]
    ),
)


@st.composite
def number_rows(draw: st.DrawFn) -> FloatArray:
    columns = draw(st.integers(1, 6))
    rows = np.array(draw(st.lists(st.lists(SIZES, min_size=columns, max_size=columns), min_size=1, max_size=4)))
    if draw(st.booleans()):  # neighbours, which rounding ties
        steps = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).uniform(-1e-9, 1e-9, rows.shape)
        rows = rows[:, :1] + np.clip(rows[:, :1], -1e300, 1e300) * steps
    return rows


@given(number_rows(), DIGITS)
def test_no_sign_flips_and_only_zero_is_zero(rows: FloatArray, digits: int) -> None:
    assert (np.sign(round_numbers(rows, digits)) == np.sign(rows)).all()


@given(number_rows(), DIGITS)
def test_order_is_weakly_kept_and_the_first_top_stays(rows: FloatArray, digits: int) -> None:
    released = round_numbers(rows, digits)
    assert (released.argmax(axis=1) == rows.argmax(axis=1)).all()
    for row, out in zip(rows, released, strict=True):
        lower = row[:, None] < row[None, :]
        assert (~lower | (out[:, None] <= out[None, :])).all()


@given(number_rows(), DIGITS)
def test_rounding_numbers_again_changes_nothing(rows: FloatArray, digits: int) -> None:
    released = round_numbers(rows, digits)
    assert (round_numbers(released, digits) == released).all()


@given(SIZES, DIGITS)
def test_a_lone_number_carries_no_more_digits_than_promised(value: float, digits: int) -> None:
    released = round_numbers(np.array([[value]]), digits)[0, 0]
    shown = Decimal(repr(float(released))).normalize().as_tuple()
    assert len(shown.digits) <= digits
    if abs(value) >= 2.3e-308:
        assert abs(released - value) <= abs(value) * 10.0 ** (1 - digits)


@given(number_rows(), DIGITS)
def test_one_number_and_a_batch_round_to_the_same_bits(rows: FloatArray, digits: int) -> None:
    batch = round_numbers(rows.reshape(-1, 1), digits)
    single = np.array([[round_number(value, digits)] for value in rows.ravel().tolist()])
    assert batch.tobytes() == single.tobytes()


@given(number_rows(), st.integers(1, 7), st.integers(1, 4))
def test_hidden_numbers_read_below_all_that_are_kept(rows: FloatArray, digits: int, best: int) -> None:
    rows = np.clip(rows, -1e307, 1e307)
    released = round_numbers(rows, digits)
    kept = keep_best(rows, released, best)
    assert (kept.argmax(axis=1) == rows.argmax(axis=1)).all()
    if best < rows.shape[1]:
        hidden = kept.min(axis=1, keepdims=True)
        assert ((kept == hidden).sum(axis=1) == rows.shape[1] - best).all()


@pytest.mark.parametrize(
    ("value", "digits", "released"),
    [
        (3.14159, 4, 3.142),
        (-0.0001234567, 4, -0.0001235),
        (1234567.0, 4, 1235000.0),
        (9999.6, 4, 10000.0),
        (5e-324, 1, 5e-324),
        (1.7976931348623157e308, 4, 1.797e308),
        (0.0, 4, 0.0),
        (0.1 + 0.2, 4, 0.3),
    ],
)
def test_the_worked_examples(value: float, digits: int, released: float) -> None:
    assert round_numbers(np.array([[value]]), digits).tolist() == [[released]]


def test_a_top_that_would_tie_rises_to_the_next_number() -> None:
    rows = np.array([[1.00001, 1.00002], [-1.00002, -1.00001], [1.7976e308, 1.7976931348623157e308]])
    assert round_numbers(rows, 4).tolist() == [[1.0, 1.001], [-1.0, -0.9999], [1.796e308, 1.797e308]]


def test_plain_rounding_moves_the_top_and_loses_the_sign() -> None:
    assert np.round(np.array([1.00001, 1.00002]), 3).argmax() == 0
    assert np.round(-0.0001, 3) == 0.0


def test_nan_and_infinities_stay_and_their_neighbours_are_rounded() -> None:
    released = round_numbers(np.array([[math.nan, 1.23456, math.inf, -math.inf]]), 3)
    assert np.array_equal(released, [[math.nan, 1.23, math.inf, -math.inf]], equal_nan=True)


def test_the_sign_of_a_lone_margin_is_its_label() -> None:
    assert signs(np.array([[-0.2], [0.0], [7.5]])).tolist() == [[-1], [0], [1]]
