from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from moatkeeper.redteam.attacks.boundary_probe import BoundaryProbe
from moatkeeper.redteam.base import Loot, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.linear import frame_of
from tests.support.models import Asked, Case, Dice, kernel_machine, linear

NORMAL = np.array([1.0, -2.0, 0.5, 0.0])


def plane(rows: np.ndarray) -> np.ndarray:
    positive = (rows @ NORMAL > 0.3).astype(np.float64)
    return np.column_stack([1 - positive, positive])


def knowledge() -> RowKnowledge:
    return knowledge_of(np.random.default_rng(0).normal(size=(40, 4)), 2)


def probed(budget: int) -> Loot[Surrogate]:
    return BoundaryProbe(knowledge()).run(Asked(plane), budget, np.random.default_rng(1))


def shortest(known: RowKnowledge) -> float:
    """The mean distance of the pool from the plane in deviations a column, root mean square."""
    scale = frame_of(known.pool).scale
    gap = np.abs(known.pool @ NORMAL - 0.3) / np.linalg.norm(NORMAL * scale)
    return float(gap.mean() / np.sqrt(len(scale)))


def test_the_changes_found_are_nearly_the_smallest_that_there_are() -> None:
    """Chen, Jordan and Wainwright 2020, theorem 2: the search converges to a stationary point, of a plane to the nearest."""
    found = probed(12_000).findings
    assert found["probed"] >= 40
    assert shortest(knowledge()) * 0.9 < found["perturbation"] < shortest(knowledge()) * 1.35
    assert 0.0 < found["success"] < 1.0


def test_a_budget_that_ends_during_the_first_row_finds_nothing_to_tell() -> None:
    assert probed(40).findings == {"probed": 0.0}


def test_a_straight_boundary_that_was_probed_can_be_drawn() -> None:
    fresh = np.random.default_rng(9).normal(size=(1_000, 4))
    copy = probed(1_500).surrogate
    assert float(np.mean(copy.scores(fresh).argmax(axis=1) == plane(fresh).argmax(axis=1))) > 0.98


@pytest.mark.parametrize(("make", "fidelity"), [(lambda: linear("breast cancer"), 0.95), (kernel_machine, 0.65)])
def test_the_loot_of_real_models_beats_the_constant(make: Callable[[], Case], fidelity: float) -> None:
    case = make()
    copy = BoundaryProbe(case.knowledge).run(Asked(case.model, 0), 600, np.random.default_rng(0)).surrogate
    assert case.fidelity(copy) >= fidelity > case.constant_fidelity()


def test_a_model_that_never_changes_its_mind_is_asked_until_the_budget_ends() -> None:
    victim = Asked(lambda rows: np.tile([1.0, 0.0], (len(rows), 1)))
    loot = BoundaryProbe(knowledge()).run(victim, 70, np.random.default_rng(0))
    assert victim.rows == 70
    assert loot.findings == {"probed": 0.0}


def test_of_dice_no_boundary_can_be_drawn() -> None:
    fresh = np.random.default_rng(9).normal(size=(1_000, 4))
    copy = BoundaryProbe(knowledge()).run(Dice(2), 600, np.random.default_rng(0)).surrogate
    assert 0.2 < float(np.mean(copy.scores(fresh).argmax(axis=1) == plane(fresh).argmax(axis=1))) < 0.8


def test_a_regression_is_not_asked() -> None:
    victim = Asked(lambda rows: rows[:, :1])
    loot = BoundaryProbe(knowledge_of(np.eye(3), 1, regression=True)).run(victim, 50, np.random.default_rng(0))
    assert victim.rows == 0
    assert loot.findings["probed"] == 0.0
