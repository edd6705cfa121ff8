from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.asking import Record
from moatkeeper.redteam.linear import SoftmaxModel
from moatkeeper.redteam.planes import boundary_copy, plane_between
from moatkeeper.redteam.searches import Bracket

NORMAL = np.array([1.0, -2.0, 0.5])


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3))


def record(count: int, turned: bool = False) -> Record:
    asked = rows(count, seed=1)
    positive = ((asked @ NORMAL > 1.0) ^ turned).astype(np.float64)
    return Record(asked, np.column_stack([1 - positive, positive]))


def on_the_plane(count: int, blur: float = 0.0) -> list[Bracket]:
    points = rows(count, seed=2)
    points += ((1.0 - points @ NORMAL) / (NORMAL @ NORMAL))[:, None] * NORMAL
    return around(points + blur * rows(count, seed=3))


def around(points: np.ndarray, width: float = 0.0) -> list[Bracket]:
    return [Bracket(point - width * NORMAL / 2, point + width * NORMAL / 2) for point in points]


def right(copy: SoftmaxModel, truth: Record) -> float:
    return float(np.mean(copy.scores(truth.rows).argmax(axis=1) == truth.labels))


@pytest.mark.parametrize("turned", [False, True])
def test_a_plane_through_as_many_points_as_columns_is_the_boundary_whichever_side_is_which(turned: bool) -> None:
    copy = plane_between(on_the_plane(3), record(20, turned), np.ones(3))
    assert right(copy, record(500, turned)) == 1.0


def test_blurred_points_make_a_blurred_plane_and_many_of_them_a_truer_one() -> None:
    few, many = (plane_between(on_the_plane(count, blur=0.1), record(20), np.ones(3)) for count in (3, 200))
    assert right(few, record(2_000)) < right(many, record(2_000))


def test_wide_brackets_are_heard_less_than_narrow_ones() -> None:
    narrow = on_the_plane(6)
    off = around(rows(6, seed=7), width=2.0)
    assert right(plane_between([*narrow, *off], record(20), np.ones(3)), record(2_000)) > 0.999
    untold = around(rows(6, seed=7))
    assert right(plane_between([*narrow, *untold], record(20), np.ones(3)), record(2_000)) < 0.99


def test_without_points_enough_or_with_more_classes_the_labels_alone_are_fitted() -> None:
    truth = record(300)
    copy = boundary_copy(truth, on_the_plane(2), np.ones(3))
    assert float(np.mean(copy.scores(truth.rows).argmax(axis=1) == truth.labels)) > 0.97
    three = Record(truth.rows, np.column_stack([truth.answers, np.zeros(300)]))
    assert boundary_copy(three, on_the_plane(5), np.ones(3)).scores(rows(4, seed=5)).shape == (4, 3)


def test_points_that_lie_nowhere_near_a_boundary_do_not_beat_the_labels() -> None:
    truth = record(300)
    copy = boundary_copy(truth, around(rows(10, seed=8)), np.ones(3))
    assert float(np.mean(copy.scores(truth.rows).argmax(axis=1) == truth.labels)) > 0.97


def test_nothing_asked_makes_all_classes_alike() -> None:
    nothing = Record(np.empty((0, 3)), np.empty((0, 2)))
    assert boundary_copy(nothing, [], np.ones(3)).scores(rows(2, seed=0)).tolist() == [[0.5, 0.5]] * 2
