"""The published defences that serve as baselines are what their papers say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog  # type: ignore[import-untyped]

from bench.redteam.defences import (
    L1_BUDGET,
    LEAD,
    LOG_FLOOR,
    defences,
    mad_argmax,
    mad_known,
    modelguard_s,
    modelguard_w,
    reverse_sigmoid,
)
from moatkeeper.core.query import FloatArray

COLUMNS = 6


def answers(count: int, classes: int, sharpness: float, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, sharpness), count)


def inputs(count: int) -> FloatArray:
    return np.random.default_rng(1).normal(size=(count, COLUMNS))


@pytest.mark.parametrize("name", defences(0, COLUMNS))
def test_a_defence_lets_out_distributions_of_the_same_shape(name: str) -> None:
    true = answers(300, 10, 0.2)
    deployed = defences(0, COLUMNS)[name]
    for shown in (deployed.release(inputs(300), true), deployed.known(true)):
        assert shown.shape == true.shape
        assert shown.min() >= 0
        assert shown.sum(axis=1).max() <= 1 + 1e-9
        if name != "top 3":
            assert shown.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", defences(0, COLUMNS))
def test_only_fresh_noise_answers_the_same_question_otherwise(name: str) -> None:
    true = answers(50, 10, 0.2)
    deployed = defences(0, COLUMNS)[name]
    first, second = (deployed.release(inputs(50), true) for _ in range(2))
    assert np.array_equal(first, second) != deployed.fresh


@pytest.mark.parametrize("name", ["MAD-argmax", "ModelGuard-W", "ModelGuard-S"])
def test_the_budget_in_l1_is_kept_and_the_label_too(name: str) -> None:
    true = answers(400, 10, 0.3)
    shown = defences(0, COLUMNS)[name].release(inputs(400), true)
    assert np.abs(shown - true).sum(axis=1).max() <= L1_BUDGET + 1e-4
    assert np.array_equal(shown.argmax(axis=1), true.argmax(axis=1))


def linear_programme(true: FloatArray) -> float:
    """ModelGuard-W as the paper states it, for one answer: the value of the optimum."""
    classes, top = len(true), int(true.argmax())
    eye = np.eye(classes)
    bounds = [np.hstack([eye, -eye]), np.hstack([-eye, -eye]), np.hstack([np.zeros((1, classes)), np.ones((1, classes))])]
    limits = [*true, *-true, L1_BUDGET]
    lead = np.delete(np.hstack([eye - eye[top], 0 * eye]), top, axis=0)
    price = np.concatenate([np.log(true + LOG_FLOOR), np.zeros(classes)])
    whole = np.concatenate([np.ones(classes), np.zeros(classes)])[None]
    solved = linprog(price, np.vstack([*bounds, lead]), [*limits, *[-LEAD] * (classes - 1)], whole, [1.0])
    return float(solved.fun)


@pytest.mark.parametrize("sharpness", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_modelguard_w_finds_the_optimum_of_its_linear_programme(classes: int, sharpness: float) -> None:
    true = answers(12, classes, sharpness)
    found = (modelguard_w(true) * np.log(true + LOG_FLOOR)).sum(axis=1)
    assert found == pytest.approx([linear_programme(row) for row in true], abs=1e-4)


def test_of_two_classes_modelguard_w_leaves_the_label_and_nothing_else() -> None:
    assert modelguard_w(np.array([[0.93, 0.07], [0.4, 0.6]])) == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5]]), abs=1e-3)


def test_modelguard_s_shows_the_first_stored_answer_that_is_near_enough() -> None:
    deployed = modelguard_s()
    true = np.array([[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.38, 0.31, 0.31], [0.6, 0.2, 0.2], [0.2, 0.8, 0.0]])
    shown = deployed.release(inputs(5), true)
    assert shown.tolist() == [true[0].tolist(), true[0].tolist(), true[2].tolist(), true[0].tolist(), true[4].tolist()]
    assert deployed.known(true[:4]).tolist() == shown[:4].tolist()


def test_mad_turns_the_gradient_as_far_as_the_best_vertex_can() -> None:
    """By hand: three classes, what a random network says, and the answer (0.8, 0.15, 0.05)."""
    true, surrogate = np.array([[0.8, 0.15, 0.05]]), np.array([[0.2, 0.45, 0.35]])
    vertices = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]])

    def turned(vertex: FloatArray) -> float:
        a, b = surrogate[0] - vertex, surrogate[0] - true[0]
        return float(np.sum((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2))

    best = vertices[np.argmax([turned(vertex) for vertex in vertices])]
    expected = true[0] + min(1.0, L1_BUDGET / np.abs(best - true[0]).sum()) * (best - true[0])
    assert mad_argmax(true, surrogate)[0] == pytest.approx(expected, abs=1e-4)


def test_what_an_attacker_knows_of_mad_is_mad_with_a_uniform_network() -> None:
    many = answers(300, 10, 0.2)
    assert mad_known(many) == pytest.approx(mad_argmax(many, np.full(many.shape, 0.1)), abs=1e-9)


def test_the_reverse_sigmoid_of_one_half_is_one_half_and_of_a_sharp_answer_far_away() -> None:
    assert reverse_sigmoid(np.array([[0.5, 0.5]])) == pytest.approx(np.array([[0.5, 0.5]]))
    sharp = np.array([[0.999, *[0.001 / 9] * 9]])
    assert np.abs(reverse_sigmoid(sharp) - sharp).sum() > 1
    assert reverse_sigmoid(sharp).argmax() == 0
