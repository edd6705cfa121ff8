from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.text_features import Design
from moatkeeper.redteam.text_regression import (
    Fit,
    best_fit,
    decimals_of,
    distributions,
    likeliest,
    log_ratios,
    softmax,
    solve,
)

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(5, 3))


def design(count: int, seed: int = 1) -> FloatArray:
    return np.column_stack([np.random.default_rng(seed).normal(size=(count, 4)), np.ones(count)])


def as_design(rows: FloatArray) -> Design:
    return cast(Design, rows)


@pytest.mark.parametrize("decimals", [0, 1, 2, 4, 6])
def test_the_decimals_of_rounded_answers_are_found(decimals: int) -> None:
    assert decimals_of(np.round(RNG.dirichlet(np.ones(4), 50), decimals)) == decimals


def test_unrounded_answers_and_none_have_no_decimals() -> None:
    assert decimals_of(RNG.dirichlet(np.ones(4), 50)) is None
    assert decimals_of(np.empty((0, 4))) is None


def test_log_ratios_of_a_softmax_are_its_centred_logits_even_where_scores_are_tiny() -> None:
    logits = RNG.normal(size=(20, 3)) * 40
    np.testing.assert_allclose(log_ratios(softmax(logits)), logits - logits.mean(axis=1, keepdims=True), atol=1e-6)


def test_zeros_become_half_of_the_least_that_can_be_told() -> None:
    np.testing.assert_allclose(np.diff(log_ratios(np.array([[0.99, 0.01], [1.0, 0.0]])), axis=1)[1], np.log(0.005))
    exact = log_ratios(np.array([[1 - 1e-9, 1e-9], [1.0, 0.0]]))
    np.testing.assert_allclose(np.diff(exact, axis=1)[1], np.log(0.5e-9))


@pytest.mark.parametrize("count", [3, 5, 40])
def test_least_squares_are_those_of_numpy_through_either_side(count: int) -> None:
    rows, targets = design(count), RNG.normal(size=(count, 2))
    stacked = np.vstack([rows, np.sqrt(0.3) * np.eye(5)])
    wanted = np.linalg.lstsq(stacked, np.vstack([targets, np.zeros((5, 2))]), rcond=None)[0]
    np.testing.assert_allclose(solve(as_design(rows), targets, 0.3), wanted, atol=1e-10)


def test_the_likeliest_softmax_of_exact_answers_is_the_one_that_gave_them() -> None:
    rows = design(200)
    found = likeliest(as_design(rows), softmax(rows @ WEIGHTS), 0.0)
    np.testing.assert_allclose(softmax(rows @ found), softmax(rows @ WEIGHTS), atol=1e-3)


def test_a_larger_ridge_makes_duller_copies_but_leaves_the_constants_alone() -> None:
    rows = design(200)
    targets = softmax(rows @ WEIGHTS)
    found = softmax(rows @ likeliest(as_design(rows), targets, 1e4))
    np.testing.assert_allclose(found, np.tile(targets.mean(axis=0), (200, 1)), atol=0.01)


def test_a_row_without_positive_scores_becomes_uniform() -> None:
    assert distributions(np.array([[2.0, -1.0, 2.0], [0.0, 0.0, 0.0]])).tolist() == [[0.5, 0.0, 0.5], [1 / 3, 1 / 3, 1 / 3]]


def test_the_fit_is_chosen_that_predicts_held_back_answers_and_the_first_where_there_are_few() -> None:
    good, bad = Fit(by_equations=True, ridge=1e-6), Fit(by_equations=False, ridge=1e6)
    rows = design(100)
    answers = softmax(rows @ WEIGHTS)
    assert best_fit([bad, good], as_design(rows), answers) is good
    assert best_fit([bad, good], as_design(rows[:20]), answers[:20]) is bad
