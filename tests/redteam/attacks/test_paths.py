from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.paths import Paths
from moatkeeper.redteam.base import Loot, Surrogate
from moatkeeper.redteam.knowledge import knowledge_of
from tests.support.models import Asked, Case, different_answers, kernel_machine, regression_tree, tree

PLENTY = 20_000
A_LEAF = 100
"""Questions a leaf at most: the reference counts 35 to 100 (2.1, trees). Narrowing all thresholds is within it."""


def stolen(case: Case, budget: int, decimals: int | None = None) -> tuple[Loot[Surrogate], int]:
    victim = Asked(case.model, decimals)
    return Paths(case.knowledge).run(victim, budget, np.random.default_rng(0)), victim.rows


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("name", ["iris", "wine", "breast cancer"])
def test_every_leaf_is_found_and_the_search_ends_by_itself(name: str, decimals: int | None) -> None:
    """Reference, 2.1: iris 6 leaves 225 questions, wine 9 leaves 506, WDBC 15 leaves 1,451, the same at one decimal."""
    case = tree(name)
    loot, asked = stolen(case, PLENTY, decimals)
    assert loot.findings["leaves"] >= different_answers(case) > 2
    assert asked <= A_LEAF * loot.findings["leaves"]
    assert case.fidelity(loot.surrogate) >= 0.999
    assert case.fidelity_uniform(loot.surrogate) >= 0.999


def test_a_regression_tree_falls_as_well() -> None:
    """Reference, 2.1: 43 leaves, 3,698 questions, 1.000 on test and 0.998 on uniform rows."""
    case = regression_tree()
    loot, asked = stolen(case, PLENTY)
    assert asked <= A_LEAF * loot.findings["leaves"]
    for rows in (case.held_out, case.uniform):
        assert np.mean(np.abs(loot.surrogate.scores(rows) - case.model(rows)) < 1e-6) >= 0.998


def test_where_the_budget_ends_early_the_copy_is_what_was_found_and_better_than_nothing() -> None:
    case = tree("breast cancer")
    few, some, all_ = (stolen(case, budget)[0] for budget in (30, 400, PLENTY))
    assert few.findings["leaves"] < some.findings["leaves"] < all_.findings["leaves"]
    assert case.constant_fidelity() < case.fidelity(some.surrogate) < 0.999


def test_scores_of_a_found_leaf_are_the_models_own() -> None:
    case = tree("iris")
    copy = stolen(case, PLENTY)[0].surrogate
    np.testing.assert_allclose(copy.scores(case.held_out), case.model(case.held_out), atol=1e-9)


def test_noise_makes_every_answer_a_leaf_of_its_own_and_the_attack_fail() -> None:
    case = tree("breast cancer")
    rng = np.random.default_rng(2)

    def noisy(rows: FloatArray) -> FloatArray:
        return case.model(rows) + rng.normal(scale=0.3, size=(len(rows), 2))

    copy = Paths(case.knowledge).run(Asked(noisy), 800, np.random.default_rng(0)).surrogate
    assert case.fidelity_uniform(copy) < 0.95
    assert case.fidelity_uniform(stolen(case, 800)[0].surrogate) > case.fidelity_uniform(copy) + 0.04


def test_a_model_without_leaves_has_none_to_find() -> None:
    case = kernel_machine()
    assert case.fidelity(stolen(case, 1_000)[0].surrogate) < 0.99


def test_whole_columns_are_searched_in_whole_numbers() -> None:
    rows = np.random.default_rng(0).integers(0, 100, size=(50, 2)).astype(np.float64)
    asked: list[FloatArray] = []

    def model(given: FloatArray) -> FloatArray:
        asked.append(given)
        return np.where(given[:, :1] <= 41, 1.0, np.where(given[:, 1:] <= 7, 2.0, 3.0))

    loot = Paths(knowledge_of(rows, 1, regression=True)).run(Asked(model), 500, np.random.default_rng(0))
    every = np.vstack(asked)
    assert every.tolist() == np.round(every).tolist()
    assert len(every) < 60
    fresh = np.random.default_rng(1).integers(0, 100, size=(500, 2)).astype(np.float64)
    assert loot.surrogate.scores(fresh).tolist() == model(fresh).tolist()
