from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.linear import frame_of
from moatkeeper.redteam.networks import fit_network


def rows(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, 2))


def crossing(asked: FloatArray) -> FloatArray:
    positive = 1 / (1 + np.exp(-4 * asked[:, 0] * asked[:, 1]))
    return np.column_stack([1 - positive, positive])


def right(answers: FloatArray, hidden: int = 20) -> float:
    asked, fresh = rows(len(answers), seed=0), rows(500, seed=1)
    copy = fit_network(asked, answers, hidden, 1e-5, frame_of(asked)).scores(fresh)
    np.testing.assert_allclose(copy.sum(axis=1), 1.0)
    return float(np.mean(copy.argmax(axis=1) == crossing(fresh).argmax(axis=1)))


def test_a_network_learns_what_no_line_parts_from_scores_and_from_labels() -> None:
    scores = crossing(rows(400, seed=0))
    assert right(scores) > 0.97
    assert right(np.eye(2)[scores.argmax(axis=1)]) > 0.93


def test_a_network_of_one_unit_cannot_and_one_that_learns_from_dice_does_not() -> None:
    assert right(crossing(rows(400, seed=0)), hidden=1) < 0.85
    assert right(np.random.default_rng(3).dirichlet(np.ones(2), size=400)) < 0.65


def test_the_same_answers_make_the_same_network() -> None:
    asked = rows(50, seed=0)
    first, second = (fit_network(asked, crossing(asked), 5, 1e-5, frame_of(asked)) for _ in range(2))
    assert first.inner.tolist() == second.inner.tolist()
