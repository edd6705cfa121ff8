from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.knockoff import Knockoff
from moatkeeper.redteam.attacks.knockoff_adaptive import KnockoffAdaptive, Policy, clusters, rewards_of
from tests.support.digits import Dice, Reader, fidelity, knowledge, noise


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


def test_chance_among_the_images_is_asked_less_often_and_the_copy_is_the_better_for_it() -> None:
    mixed = knowledge(foreign=noise())
    victim = Reader()
    KnockoffAdaptive(mixed).run(victim, 300, np.random.default_rng(0))
    foreign = {row.tobytes() for row in noise()}
    assert np.mean([row.tobytes() in foreign for row in victim.asked]) < 0.4
    adaptive = np.mean([fidelity(KnockoffAdaptive(mixed), 300, seed=seed) for seed in (0, 1)])
    random = np.mean([fidelity(Knockoff(mixed), 300, seed=seed) for seed in (0, 1)])
    assert adaptive > random


def test_where_answers_are_chance_the_policy_has_nothing_to_find() -> None:
    class Counts(Dice):
        asked = 0

        def ask(self, rows: np.ndarray) -> np.ndarray:
            Counts.asked += sum(row.tobytes() in foreign for row in rows)
            return super().ask(rows)

    foreign = {row.tobytes() for row in noise()}
    KnockoffAdaptive(knowledge(foreign=noise())).run(Counts(), 300, np.random.default_rng(0))
    assert 0.35 < Counts.asked / 300 < 0.65
