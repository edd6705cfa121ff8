"""Laws of rounding in [0, 1]: the top label, the order, the sum and the side of the threshold survive it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.probabilities import keep_best, one_hot, round_probabilities, round_scores

DECIMALS = st.integers(0, 6)


@st.composite
def simplex_rows(draw: st.DrawFn) -> FloatArray:
    """Rows that sum to 1: smooth, peaked, and made so that rounding ties them."""
    classes = draw(st.sampled_from([2, 3, 4, 10, 100, 1000]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.ones((draw(st.integers(1, 4)), classes))
    match draw(st.sampled_from(["dirichlet", "near ties", "halves", "neighbours"])):
        case "dirichlet":
            weights = generator.dirichlet(np.full(classes, draw(st.sampled_from([0.02, 1.0, 200.0]))), len(weights))
        case "near ties":
            weights += generator.normal(scale=10.0 ** -draw(st.integers(2, 9)), size=weights.shape)
        case "halves":
            weights = generator.integers(1, draw(st.sampled_from([3, 20, 200])), size=weights.shape).astype(np.float64)
        case _:
            weights = np.nextafter(weights, np.where(generator.random(weights.shape) < 0.5, 0.0, 2.0))
    rows: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return rows


@st.composite
def score_rows(draw: st.DrawFn) -> FloatArray:
    """Rows of independent scores, many of them close to each other, to the threshold or to the ends."""
    columns = draw(st.integers(1, 6))
    near = st.sampled_from([0.0, 1.0, 0.5, 0.4999, 0.5001, 0.3, 0.995, 0.9951, 0.005, 0.0049, 1e-300, np.nextafter(0.5, 0.0)])
    scores = st.lists(st.one_of(near, st.floats(0, 1)), min_size=columns, max_size=columns)
    return np.array(draw(st.lists(scores, min_size=1, max_size=4)), dtype=np.float64)


THRESHOLDS = st.sampled_from([0.5, 0.3, 0.333, 0.005, 0.995, 0.0, 1.0])


def order_is_kept(rows: FloatArray, released: FloatArray) -> bool:
    """Whether no class that was strictly lower reads strictly higher."""
    order = np.argsort(rows, axis=1, kind="stable")
    ascending = np.take_along_axis(rows, order, axis=1)
    values = np.take_along_axis(released, order, axis=1)
    highest_below = np.maximum.accumulate(values, axis=1)
    strictly = np.diff(ascending, axis=1) > 0
    return not bool((strictly & (values[:, 1:] < highest_below[:, :-1])).any())


def breaks_a_law(rows: FloatArray, released: FloatArray, decimals: int) -> set[str]:
    """The laws of probabilities that a rounding breaks, by name."""
    unit = 10**decimals
    units = np.rint(released * unit)
    laws = {
        "first top": (released.argmax(axis=1) == rows.argmax(axis=1)).all(),
        "last top": ((rows == rows.max(axis=1, keepdims=True)) | (released < released.max(axis=1, keepdims=True))).all(),
        "order": order_is_kept(rows, released),
        "sum": (units.sum(axis=1) == unit).all(),
        "error": (np.abs(rows * unit - units) < 2.0).all(),
        "range": ((released >= 0) & (released <= 1)).all(),
        "nearest double": (released == units / unit).all(),
    }
    return {law for law, holds in laws.items() if not holds}


@given(simplex_rows(), DECIMALS)
def test_rounded_probabilities_keep_top_order_sum_and_error_bound(rows: FloatArray, decimals: int) -> None:
    assert breaks_a_law(rows, round_probabilities(rows, decimals), decimals) == set()


@given(simplex_rows(), DECIMALS)
def test_the_error_is_below_one_unit_unless_the_top_was_tied(rows: FloatArray, decimals: int) -> None:
    released = round_probabilities(rows, decimals)
    errors = np.abs(rows - released) * 10**decimals
    assert ((errors < 1.0 + 1e-6).sum(axis=1) >= rows.shape[1] - 2).all()


@given(simplex_rows(), DECIMALS)
def test_rounding_probabilities_again_changes_nothing(rows: FloatArray, decimals: int) -> None:
    released = round_probabilities(rows, decimals)
    assert (round_probabilities(released, decimals) == released).all()


@given(simplex_rows(), DECIMALS, st.integers(1, 12))
def test_at_most_k_probabilities_are_kept_each_true_and_the_top_among_them(rows: FloatArray, decimals: int, best: int) -> None:
    released = round_probabilities(rows, decimals)
    kept = keep_best(rows, released, best)
    assert ((kept > 0).sum(axis=1) <= best).all()
    assert ((kept == 0) | (kept == released)).all()
    assert (kept.argmax(axis=1) == rows.argmax(axis=1)).all()
    assert order_is_kept(rows, kept)


@pytest.mark.parametrize(
    ("row", "law"),
    [
        ((0.4999, 0.5001), "first top"),
        ((0.5001, 0.4999), "last top"),
        ((0.335, 0.335, 0.33), "sum"),
        ((0.125, 0.125, 0.125, 0.625), "sum"),
    ],
)
def test_plain_rounding_breaks_the_laws(row: tuple[float, ...], law: str) -> None:
    rows = np.array([row])
    assert law in breaks_a_law(rows, np.round(rows, 2), 2)
    assert breaks_a_law(rows, round_probabilities(rows, 2), 2) == set()


def test_the_worked_example() -> None:
    """0.847392 and 0.152608 in hundredths: 84 and 15 whole ones, and the missing one to 0.7392, which lost most."""
    rows = np.array([[0.847392, 0.152608], [0.4999, 0.5001]])
    assert json.dumps(round_probabilities(rows, 2).tolist()) == "[[0.85, 0.15], [0.49, 0.51]]"


def test_equal_probabilities_keep_their_first_top() -> None:
    assert round_probabilities(np.full((1, 3), 1 / 3), 2).tolist() == [[0.34, 0.33, 0.33]]


@given(score_rows(), DECIMALS, THRESHOLDS)
def test_scores_stay_on_their_side_of_the_threshold(rows: FloatArray, decimals: int, threshold: float) -> None:
    released = round_scores(rows, decimals, threshold)
    assert ((released < threshold) == (rows < threshold)).all()
    assert ((released > threshold) == (rows > threshold)).all()


@given(score_rows(), DECIMALS, THRESHOLDS)
def test_scores_keep_their_order_first_top_and_error_bound(rows: FloatArray, decimals: int, threshold: float) -> None:
    released = round_scores(rows, decimals, threshold)
    assert (released.argmax(axis=1) == rows.argmax(axis=1)).all()
    assert order_is_kept(rows, released)
    assert (np.abs(rows - released) * 10**decimals <= 2.0).all()
    assert ((released >= 0) & (released <= 1)).all()


@given(score_rows(), DECIMALS, THRESHOLDS)
def test_rounding_scores_again_changes_nothing(rows: FloatArray, decimals: int, threshold: float) -> None:
    released = round_scores(rows, decimals, threshold)
    assert (round_scores(released, decimals, threshold) == released).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_a_lone_score_takes_no_more_values_than_the_decimals_allow(seed: int, decimals: int) -> None:
    released = round_scores(np.random.default_rng(seed).random((2000, 1)), decimals, 0.5)
    assert len(np.unique(released)) <= 10**decimals + 1


def test_plain_rounding_carries_a_lone_score_over_the_threshold() -> None:
    rows = np.array([[0.4999], [0.5001], [0.5]])
    assert np.round(rows, 2).ravel().tolist() == [0.5, 0.5, 0.5]
    assert round_scores(rows, 2, 0.5).ravel().tolist() == [0.49, 0.51, 0.5]


def test_labels_of_several_scores_show_the_decisions_and_which_is_the_top() -> None:
    rows = np.array([[0.9, 0.8, 0.1], [0.8, 0.9, 0.1], [0.2, 0.4, 0.1], [0.2, 0.1, 0.1]])
    assert round_scores(rows, 0, 0.5).tolist() == [[1, 1, 0], [0.75, 1, 0], [0, 0.25, 0], [0, 0, 0]]


def test_a_float32_score_just_above_one_reads_one() -> None:
    assert round_scores(np.array([[float(np.float32(1.0000001))]]), 2, 0.5).tolist() == [[1.0]]


def test_one_hot_marks_the_first_of_equal_tops() -> None:
    assert one_hot(np.array([[0.2, 0.4, 0.4], [-3.0, -2.0, -5.0]])).tolist() == [[0, 1, 0], [0, 1, 0]]
