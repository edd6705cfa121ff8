from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad  # type: ignore[import-untyped]

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam import likelihoods
from moatkeeper.redteam.likelihoods import (
    Candidate,
    Objective,
    choose,
    fit_intervals,
    fit_one_vs_rest,
    fit_softmax,
    linear_candidates,
    minimise,
    most_likely,
    unexplained,
)
from moatkeeper.redteam.linear import Constant, SoftmaxModel, frame_of, softmax
from moatkeeper.redteam.precision import Precision, decisions, precision_of

WEIGHTS = np.random.default_rng(4).normal(size=(5, 3))


def design(count: int, seed: int = 0) -> FloatArray:
    return np.column_stack([np.random.default_rng(seed).normal(size=(count, 4)), np.ones(count)])


def truth(points: FloatArray) -> FloatArray:
    return softmax(points @ WEIGHTS)


def error(weights: FloatArray) -> float:
    """The mean distance of scores on fresh points."""
    fresh = design(500, seed=9)
    return float(np.abs(softmax(fresh @ weights) - truth(fresh)).mean())


def test_the_optimiser_finds_the_bottom_of_a_bowl() -> None:
    found = minimise(lambda x: (float(((x - 3.0) ** 2).sum()), 2 * (x - 3.0)), np.zeros((2, 2)))
    np.testing.assert_allclose(found, np.full((2, 2), 3.0), atol=1e-5)


def test_every_gradient_is_that_of_its_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Objective] = []

    def catch(objective: Objective, start: FloatArray) -> FloatArray:
        caught.append(objective)
        return start

    monkeypatch.setattr(likelihoods, "minimise", catch)
    points = design(12)
    answers = np.round(truth(points), 1)
    fit_softmax(points, truth(points), 1e-3)
    fit_one_vs_rest(points, truth(points), 1e-3)
    fit_intervals(points, answers, 0.05, np.zeros((5, 3)), 1e-3)
    for objective in caught:
        for seed in range(3):
            at = np.random.default_rng(seed).normal(size=15)
            gap = check_grad(
                lambda x, found=objective: found(x.reshape(5, 3))[0],
                lambda x, found=objective: found(x.reshape(5, 3))[1].ravel(),
                at,
            )
            assert gap < 1e-4


def test_exact_shares_give_the_weights_back() -> None:
    points = design(60)
    assert error(fit_softmax(points, truth(points), 1e-9)) < 1e-3


def test_intervals_get_more_from_rounded_scores_than_cross_entropy_where_there_are_many() -> None:
    points = design(2_000)
    shown = np.round(truth(points), 1)
    start = fit_softmax(points, shown / shown.sum(axis=1, keepdims=True), 1e-6)
    assert error(fit_intervals(points, shown, 0.05, start, 1e-6)) < 0.8 * error(start)


def test_scores_within_the_slack_are_explained_and_those_beyond_are_not() -> None:
    copy = Constant((0.3, 0.7))
    precision = Precision(False, 0.05)
    assert unexplained(copy, np.zeros((1, 1)), np.array([[0.34, 0.66]]), precision) == 0.0
    assert unexplained(copy, np.zeros((1, 1)), np.array([[0.4, 0.6]]), precision) == pytest.approx(0.05)
    labels = Precision(True, 1.0)
    wrong, true = (unexplained(copy, np.zeros((1, 1)), np.eye(2)[[label]], labels) for label in (0, 1))
    assert wrong > 1.0 > true > 0.0


def test_the_form_that_predicts_held_back_answers_is_chosen_and_the_first_of_equals() -> None:
    rows = design(60)[:, :-1]
    answers = truth(design(60))
    blind, same = (Candidate(name, lambda rows, answers: Constant((1.0, 0.0, 0.0))) for name in ("blind", "same"))
    seeing = linear_candidates(precision_of(answers))[0]
    for thorough in (True, False):
        assert choose([blind, seeing], rows, answers, precision_of(answers), thorough=thorough) is seeing
    assert choose([blind, same], rows, answers, precision_of(answers)) is blind


@pytest.mark.parametrize("count", [1, 2, 11, 40])
@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_few_answers_of_any_precision_make_a_finite_copy(count: int, decimals: int | None) -> None:
    points = design(count)
    answers = truth(points) if decimals is None else np.round(truth(points), decimals) if decimals else decisions(truth(points))
    scores = most_likely(points[:, :-1], answers).scores(design(20, seed=1)[:, :-1])
    assert scores.shape == (20, 3)
    assert np.isfinite(scores).all()


def test_labels_are_fitted_by_no_form_but_a_softmax() -> None:
    rows = design(50)[:, :-1]
    copy = most_likely(rows, decisions(truth(design(50))))
    assert isinstance(copy, SoftmaxModel)
    assert frame_of(rows).centre.tolist() == copy.frame.centre.tolist()
