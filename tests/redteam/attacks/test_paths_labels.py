from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.attacks.paths_labels import LabelPaths
from moatkeeper.redteam.attacks.retrain import Retrain
from moatkeeper.redteam.base import Surrogate
from tests.support.models import Asked, Case, Dice, tree


def stolen(case: Case, budget: int) -> Surrogate:
    return LabelPaths(case.knowledge).run(Asked(case.model, 0), budget, np.random.default_rng(0)).surrogate


@pytest.mark.parametrize(
    ("name", "queries", "fidelity"), [("iris", 116, 1.000), ("breast cancer", 382, 0.972), ("wine", 332, 0.921)]
)
def test_labels_give_a_tree_away_with_no_more_questions_than_the_reference_took(
    name: str, queries: int, fidelity: float
) -> None:
    """Reference, 2.1, label only: iris 116 questions 1.000, WDBC 382 0.972, wine 332 0.921."""
    case = tree(name)
    copy = stolen(case, queries)
    assert case.fidelity(copy) >= fidelity
    assert case.fidelity_uniform(copy) >= 0.98


def test_more_labels_find_the_thresholds_that_few_rows_pass() -> None:
    case = tree("breast cancer")
    few, many = (case.fidelity_uniform(stolen(case, budget)) for budget in (50, 800))
    assert few < 0.95 < 0.99 < many


def test_retraining_on_as_many_labels_does_worse() -> None:
    case = tree("breast cancer")
    copy = Retrain(case.knowledge).run(Asked(case.model, 0), 382, np.random.default_rng(0)).surrogate
    assert case.fidelity_uniform(copy) < case.fidelity_uniform(stolen(case, 382)) - 0.02


def test_dice_give_nothing_away() -> None:
    case = tree("iris")
    copy = LabelPaths(case.knowledge).run(Dice(3), 150, np.random.default_rng(0)).surrogate
    assert case.fidelity_uniform(copy) < 0.6
