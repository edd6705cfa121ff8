from __future__ import annotations

import numpy as np

from bench.redteam.defences import modelguard_w, reverse_sigmoid
from moatkeeper.redteam.adaptive.invert_learned import ENOUGH, InvertLearned, restore
from moatkeeper.redteam.adaptive.known import Disguise
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.trade import ROWS
from tests.support.thieves import Behind, Defence, SoftLabels, distance, fidelity, rows, truth


def copied(defence: Defence, disguise: Disguise | None) -> Surrogate:
    attack, rng = SoftLabels(rows(300, seed=1)), np.random.default_rng(0)
    if disguise is None:
        return attack.run(Behind(defence), 300, rng).surrogate
    return InvertLearned(ROWS, disguise, 4_000).run(attack, Behind(defence), 300, rng).surrogate


def test_a_restorer_undoes_much_of_a_monotone_map() -> None:
    scores = truth(rows(300, seed=2))
    restored = restore(reverse_sigmoid(scores), truth(rows(300, seed=3)), reverse_sigmoid, np.random.default_rng(0), 4_000)
    before = np.abs(reverse_sigmoid(scores) - scores).sum(axis=1).mean()
    assert np.abs(restored - scores).sum(axis=1).mean() < 0.5 * before


def test_a_thief_who_knows_the_defence_copies_better_and_one_who_is_wrong_about_it_does_not() -> None:
    guarded: Defence = lambda asked, scores: modelguard_w(scores)  # noqa: E731
    naive, right = copied(guarded, None), copied(guarded, lambda scores: modelguard_w(scores, 10))
    assert fidelity(right) > fidelity(naive) + 0.2
    open_door: Defence = lambda asked, scores: scores  # noqa: E731
    wrong = copied(open_door, reverse_sigmoid)
    assert distance(wrong) > distance(copied(open_door, None))


def test_a_handful_of_answers_stays_as_it_was_shown() -> None:
    few = truth(rows(ENOUGH - 1, seed=2))
    assert np.array_equal(restore(few, few, reverse_sigmoid, np.random.default_rng(0), 100), few)
