from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.knockoff_adaptive import KnockoffAdaptive, Policy, clusters, rewards_of
from tests.support.digits import Dice, Reader, judge, knowledge, noise


def test_clusters_find_groups_that_lie_apart() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(30, 5)), 50 + rng.normal(size=(30, 5))])
    kinds = clusters(rows[rng.permutation(60)], 2, rng)
    assert sorted(np.bincount(kinds).tolist()) == [30, 30]


def test_a_policy_moves_towards_what_is_rewarded_and_leaves_what_is_used_up() -> None:
    policy = Policy(np.zeros(3), np.zeros(3))
    left = np.array([10.0, 10.0, 10.0])
    assert policy.shares(left).tolist() == [1 / 3] * 3
    rng = np.random.default_rng(0)
    for _ in range(100):
        shares = policy.shares(left)
        action = int(rng.choice(3, p=shares))
        policy.learn(np.array([action]), np.array([float(action == 2)]), shares)
    assert policy.shares(left)[2] > 0.6
    assert policy.shares(np.array([10.0, 10.0, 0.0]))[2] == 0
    assert policy.shares(np.zeros(3)).tolist() == [0.0] * 3


def test_rewards_are_those_of_the_paper() -> None:
    answers = np.array([[0.7, 0.2, 0.1], [0.2, 0.4, 0.4]])
    found = rewards_of(answers, answers, np.empty((2, 0)), None)
    np.testing.assert_allclose(found[:, 0], [0.5, 0.0])  # the best score less the second best
    np.testing.assert_allclose(found[:, 1], [0.25, 0.1 + 0.15])  # what exceeds the mean answer (0.45, 0.3, 0.25)
    assert found[:, 2].tolist() == [0.0, 0.0]


def outcome(victim: Dice | Reader, seed: int) -> tuple[float, float]:
    """How many of 300 questions are images of pure chance, half of what the thief has, and the fidelity of the copy."""
    foreign = {row.tobytes() for row in noise()}
    loot = KnockoffAdaptive(knowledge(foreign=noise())).run(victim, 300, np.random.default_rng(seed))
    share = np.mean([row.tobytes() in foreign for row in victim.asked])
    return float(share), float(judge().figures(loot.surrogate, frozenset(), thorough=False)["fidelity"])


def test_images_of_chance_are_asked_less_often_but_not_where_the_answers_are_chance_too() -> None:
    """That the copy is the better for it is not said: of this victim it is not, of a neural network it was."""
    seeds = (0, 1, 2)
    share, copied = np.mean([outcome(Reader(), seed) for seed in seeds], axis=0)
    control, nothing = np.mean([outcome(Dice(), seed) for seed in seeds], axis=0)
    assert share < 0.4 < control
    assert nothing < 0.25 < 0.85 < copied
