from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.redteam.attacks.adaptive import Adaptive
from moatkeeper.redteam.attacks.likelihood import Likelihood
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.without import without_api
from tests.support.models import Asked, Case, Dice, kernel_machine, linear, network, one_vs_rest, regression_tree


def stolen(case: Case, budget: int, decimals: int | None = 0) -> Surrogate:
    return Adaptive(case.knowledge).run(Asked(case.model, decimals), budget, np.random.default_rng(0)).surrogate


def test_labels_near_the_boundary_teach_more_than_labels_anywhere() -> None:
    """Tramèr et al. 2016, section 6: adaptive retraining takes 827 labels on average for more than 99 % of linear binary
    models; labels anywhere take several times as many."""
    case = linear("breast cancer")
    adaptive = stolen(case, 400)
    plain = Likelihood(case.knowledge).run(Asked(case.model, 0), 400, np.random.default_rng(0)).surrogate
    assert case.fidelity(adaptive) >= 0.98
    assert case.fidelity(plain) < 0.9


@pytest.mark.parametrize(("decimals", "fidelity"), [(None, 0.99), (1, 0.97), (0, 0.97)])
def test_a_kernel_machine_is_reached(decimals: int | None, fidelity: float) -> None:
    """Tramèr et al. 2016, section 6: 2,050 labels for more than 99 % of an RBF support vector machine; here 500."""
    case = kernel_machine()
    copy = stolen(case, 500, decimals)
    assert case.fidelity(copy) >= fidelity
    assert case.fidelity_uniform(copy) >= fidelity


@pytest.mark.parametrize(("decimals", "fidelity"), [(None, 0.98), (0, 0.97)])
def test_a_network_is_reached(decimals: int | None, fidelity: float) -> None:
    case = network()
    copy = stolen(case, 500, decimals)
    assert case.fidelity(copy) >= fidelity
    assert case.fidelity_uniform(copy) >= fidelity


def test_an_exact_softmax_is_solved_for() -> None:
    case = linear("wine")
    assert case.fidelity(stolen(case, 20, None)) == 1.0


def test_a_one_vs_rest_model_is_reached_by_scores() -> None:
    case = one_vs_rest("iris")
    assert case.fidelity(stolen(case, 100, None)) > 0.95


def test_more_labels_make_a_better_copy_and_the_first_already_beats_no_api() -> None:
    case = kernel_machine()
    few, many = (case.fidelity(stolen(case, budget)) for budget in (50, 300))
    assert max(case.constant_fidelity(), case.fidelity(without_api(case.knowledge))) < few < many


def test_dice_give_nothing_away() -> None:
    case = kernel_machine()
    copy = Adaptive(case.knowledge).run(Dice(2), 100, np.random.default_rng(0)).surrogate
    assert case.fidelity(copy) < 0.75


def test_a_thief_without_rows_of_his_own_asks_uniform_ones() -> None:
    case = kernel_machine()
    alone = replace(case, knowledge=replace(case.knowledge, pool=np.empty((0, 2))))
    assert case.fidelity(stolen(alone, 300)) > 0.93


def test_a_regression_is_copied_in_part() -> None:
    case = regression_tree()
    copy = stolen(case, 400, None)
    truth = case.model(case.held_out)
    assert 0.3 < 1 - np.mean((copy.scores(case.held_out) - truth) ** 2) / truth.var() < 0.99
