from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.redteam.attacks.lowd_meek import LowdMeek
from moatkeeper.redteam.base import Loot, Surrogate
from moatkeeper.redteam.knowledge import knowledge_of
from tests.support.models import Asked, Case, Dice, kernel_machine, linear


def stolen(case: Case, budget: int) -> Loot[Surrogate]:
    return LowdMeek(case.knowledge).run(Asked(case.model, 0), budget, np.random.default_rng(0))


def test_the_labels_of_a_linear_model_give_it_away() -> None:
    """Tramèr et al. 2016, section 6: 2,050 questions on average over linear binary models, 5,650 at most, for more than 99 %.
    Breast cancer, 30 columns: about 22 questions a column."""
    case = linear("breast cancer")
    loot = stolen(case, 800)
    assert loot.findings["points"] >= 31
    assert case.fidelity(loot.surrogate) >= 0.99
    assert case.fidelity_uniform(loot.surrogate) >= 0.999


def test_before_every_column_was_searched_the_copy_is_worse_and_still_beats_the_constant() -> None:
    case = linear("breast cancer")
    copy = stolen(case, 100).surrogate
    assert case.constant_fidelity() + 0.1 < case.fidelity(copy) < 0.99


def test_scores_are_worth_no_more_than_labels() -> None:
    case = linear("breast cancer")
    exact = LowdMeek(case.knowledge).run(Asked(case.model), 400, np.random.default_rng(0)).surrogate
    labels = stolen(case, 400).surrogate
    assert exact.scores(case.held_out).tolist() == labels.scores(case.held_out).tolist()


def test_a_boundary_that_is_not_straight_is_missed() -> None:
    case = kernel_machine()
    assert case.fidelity(stolen(case, 800).surrogate) < 0.95


def test_three_classes_are_parted_by_the_most_likely_lines() -> None:
    case = linear("iris")
    assert case.fidelity(stolen(case, 400).surrogate) > 0.95


def test_whole_columns_are_asked_in_whole_numbers() -> None:
    rows = np.random.default_rng(0).integers(0, 50, size=(60, 4)).astype(np.float64)
    knowledge = knowledge_of(rows, 2)
    asked: list[np.ndarray] = []

    def model(given: np.ndarray) -> np.ndarray:
        asked.append(given)
        positive = (given @ [1.0, -2.0, 0.5, 1.0] > 10.0).astype(np.float64)
        return np.column_stack([1 - positive, positive])

    copy = LowdMeek(knowledge).run(Asked(model), 600, np.random.default_rng(0)).surrogate
    every = np.vstack(asked)
    assert every.tolist() == np.round(every).tolist()
    fresh = np.random.default_rng(1).uniform(0, 50, size=(500, 4))
    assert float(np.mean(copy.scores(fresh).argmax(axis=1) == model(fresh).argmax(axis=1))) > 0.97


@pytest.mark.parametrize("outputs", [2, 3])
def test_dice_give_nothing_away(outputs: int) -> None:
    case = linear("iris")
    knowledge = replace(case.knowledge, outputs=outputs)
    copy = LowdMeek(knowledge).run(Dice(outputs), 200, np.random.default_rng(0)).surrogate
    fresh = case.uniform
    assert 0.2 < float(np.mean(copy.scores(fresh).argmax(axis=1) == case.model(fresh).argmax(axis=1) % outputs)) < 0.75


def test_a_regression_is_not_asked() -> None:
    victim = Asked(lambda rows: rows[:, :1])
    copy = LowdMeek(knowledge_of(np.eye(3), 1, regression=True)).run(victim, 50, np.random.default_rng(0)).surrogate
    assert victim.rows == 0
    assert copy.scores(np.eye(3)).tolist() == [[0.0]] * 3
