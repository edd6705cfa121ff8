from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.linear import (
    Constant,
    Frame,
    OneVsRestModel,
    SoftmaxModel,
    frame_of,
    sigmoid,
    softmax,
    solve_softmax,
    solve_values,
    uninformed,
)

ROWS = np.random.default_rng(0).normal(size=(5, 3)) * [1.0, 10.0, 0.1]


def test_a_frame_gives_each_column_mean_0_and_deviation_1_and_leaves_a_constant_one_alone() -> None:
    rows = np.column_stack([ROWS, np.full(5, 7.0)])
    design = frame_of(rows).design(rows)
    np.testing.assert_allclose(design.mean(axis=0), [0, 0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(design.std(axis=0), [1, 1, 1, 0, 0], atol=1e-12)


def test_extreme_logits_neither_overflow_nor_leave_the_simplex() -> None:
    logits = np.array([[1e4, -1e4, 0.0]])
    assert softmax(logits).tolist() == [[1.0, 0.0, 0.0]]
    assert sigmoid(logits).tolist() == [[1.0, 0.0, 0.5]]


def test_one_vs_rest_by_hand() -> None:
    plain = Frame(np.zeros(1), np.ones(1))
    model = OneVsRestModel(plain, np.array([[0.0, 0.0], [0.0, np.log(3.0)]]))
    np.testing.assert_allclose(model.scores(np.zeros((1, 1))), [[0.4, 0.6]])


def test_a_softmax_gives_itself_away_in_one_answer_more_than_columns() -> None:
    rng = np.random.default_rng(1)
    owner = SoftmaxModel(frame_of(ROWS), rng.normal(size=(4, 6)))
    few = rng.normal(size=(4, 3))
    copy = solve_softmax(few, owner.scores(few))
    np.testing.assert_allclose(copy.scores(ROWS), owner.scores(ROWS), atol=1e-9)


def test_a_linear_map_gives_itself_away_as_well_and_a_curved_one_does_not() -> None:
    weights = np.array([[1.0], [2.0], [3.0]])
    linear = solve_values(ROWS[:4], ROWS[:4] @ weights + 5.0)
    np.testing.assert_allclose(linear.scores(ROWS), ROWS @ weights + 5.0, atol=1e-9)
    curved = solve_values(ROWS[:4], (ROWS[:4] @ weights) ** 2)
    assert np.abs(curved.scores(ROWS) - (ROWS @ weights) ** 2).max() > 0.1


@pytest.mark.parametrize(("outputs", "row"), [(1, [0.0]), (4, [0.25] * 4)])
def test_a_thief_who_was_told_nothing_says_the_same_of_everything(outputs: int, row: list[float]) -> None:
    assert uninformed(outputs).scores(ROWS).tolist() == [row] * 5
    assert Constant((0.2, 0.8)).scores(ROWS[:2]).tolist() == [[0.2, 0.8]] * 2
