from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.activethief_dfal import OVERSHOOT, ActiveThiefDfal, deepfool_lengths, nearest_a_boundary
from moatkeeper.redteam.attacks.activethief_kcenter import ActiveThiefKCenter, farthest, greedy_centres, squared_distances
from moatkeeper.redteam.attacks.activethief_uncertainty import ActiveThiefUncertainty, most_uncertain
from moatkeeper.redteam.attacks.pool_rounds import Bought, Choice, Situation
from moatkeeper.redteam.attacks.random_pool import RandomPool
from moatkeeper.redteam.cards import RowCard
from moatkeeper.redteam.nets import Net
from moatkeeper.redteam.registry import ROW_ATTACKS
from tests.support.digits import fidelity, knowledge

SEEDS = (0, 1)
NAMES = (ActiveThiefUncertainty.name, ActiveThiefKCenter.name, ActiveThiefDfal.name)


def line(reach: float = 1.0) -> Net:
    """A network of two classes whose boundary is the line 3 x + 4 y = 0."""
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]) * reach)
        layer.bias.zero_()
    return Net(layer, (2,), np.zeros(2), np.full(2, reach))


def situation(candidates: FloatArray, count: int) -> Situation:
    bought = Bought(np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]]))
    return Situation(line(), bought, candidates, count, np.random.default_rng(0))


# Distances from the line: 1.0, 0.2, 2.0 and 0.6.
POINTS = np.array([[0.6, 0.8], [0.12, 0.16], [1.2, 1.6], [-0.36, -0.48]])


@pytest.mark.parametrize("choose", [most_uncertain, nearest_a_boundary])
def test_what_lies_nearest_the_boundary_is_asked_first(choose: Choice) -> None:
    """With two classes the entropy falls with the distance from the boundary, so that both say the same."""
    assert choose(situation(POINTS, 4)).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("reach", [1.0, 10.0])
def test_the_length_of_a_deepfool_step_is_the_distance_from_a_straight_boundary_in_scaled_columns(reach: float) -> None:
    lengths = deepfool_lengths(line(reach), POINTS * reach)
    np.testing.assert_allclose(lengths, np.array([1.0, 0.2, 2.0, 0.6]) * OVERSHOOT, rtol=1e-4)


def test_k_center_picks_greedily_by_hand() -> None:
    points = np.array([[0.0], [1.0], [4.0], [9.0], [10.0]])
    # From a centre at 0: 10 is the farthest; then 4, at 4 from 0 and 6 from 10; then 1 and 9, both at 1, the first first.
    assert greedy_centres(points, np.array([[0.0]]), 4).tolist() == [4, 2, 1, 3]


def test_k_center_never_picks_a_point_twice_even_where_all_are_alike() -> None:
    assert sorted(greedy_centres(np.zeros((5, 2)), np.zeros((1, 2)), 5).tolist()) == [0, 1, 2, 3, 4]


def test_k_center_measures_in_the_copys_scores() -> None:
    # All that was asked lies far on one side; the farthest score is the one far on the other.
    assert farthest(situation(POINTS, 1)).tolist() == [3]


def test_distances_are_euclidean() -> None:
    assert squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist() == [[25.0]]


@cache
def by_chance() -> float:
    return float(np.mean([fidelity(RandomPool(knowledge()), 150, seed=seed) for seed in SEEDS]))


@pytest.mark.parametrize("card", [ROW_ATTACKS[name] for name in NAMES], ids=NAMES)
def test_choosing_beats_chance_at_the_same_number_of_answers(card: RowCard) -> None:
    """Pal et al. 2020 find the same from 10,000 to 30,000 answers; independent runs on MNIST find no difference."""
    chosen = np.mean([fidelity(card.make(knowledge()), 150, seed=seed) for seed in SEEDS])
    assert chosen > by_chance() + 0.005
