from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.probabilities import round_probabilities
from moatkeeper.redteam.precision import centred_logarithms, decisions, distributions, precision_of


def scores(classes: int, count: int = 50, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), size=count)


@given(st.integers(1, 6), st.integers(2, 5))
def test_the_true_scores_lie_within_the_slack_of_what_is_shown(decimals: int, classes: int) -> None:
    exact = scores(classes)
    for shown in (np.round(exact, decimals), round_probabilities(exact, decimals)):
        slack = precision_of(shown).slack
        assert 0 < slack <= 10.0**-decimals
        # The guard may move the top of a tie by a second unit: see round_probabilities.
        assert np.mean(np.abs(exact - shown) <= slack + 1e-12) > 0.85


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unrounded_scores_are_taken_for_exact(dtype: type) -> None:
    assert precision_of(scores(3).astype(dtype).astype(np.float64)).exact


def test_decisions_are_told_from_scores_and_from_confident_ones() -> None:
    assert precision_of(decisions(scores(4))).labels_only
    assert not precision_of(np.array([[1.0, 0.0], [0.9, 0.1]])).labels_only


def test_a_sum_that_was_mended_doubles_the_slack() -> None:
    assert precision_of(np.array([[0.33, 0.33, 0.33]])).slack == pytest.approx(0.005)
    assert precision_of(np.array([[0.34, 0.33, 0.33]])).slack == pytest.approx(0.01)


def test_centred_logarithms_are_the_logits_less_their_mean() -> None:
    logits = np.array([[1.0, 2.0, 6.0]])
    powers = np.exp(logits)
    np.testing.assert_allclose(centred_logarithms(powers / powers.sum()), logits - 3.0)


def test_logarithms_of_nothing_stay_finite() -> None:
    assert np.isfinite(centred_logarithms(np.array([[0.0, 1.0]]))).all()


def test_anything_becomes_a_distribution() -> None:
    assert distributions(np.array([[2.0, 2.0], [0.0, 0.0], [-1.0, 3.0]])).tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]
