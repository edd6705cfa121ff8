from __future__ import annotations

import numpy as np

from bench.redteam.defences import modelguard_w
from moatkeeper.redteam.adaptive.base import wrap
from moatkeeper.redteam.adaptive.labels import Labels, one_hot
from moatkeeper.redteam.base import Surrogate
from tests.support.thieves import Behind, Defence, SoftLabels, fidelity, rows


def stolen(defence: Defence, *, labels: bool) -> Surrogate:
    attack = wrap(SoftLabels(rows(600, seed=1)), [Labels()] if labels else [])
    return attack.run(Behind(defence), 600, np.random.default_rng(0)).surrogate


def test_one_hot_keeps_the_first_of_the_largest_and_rounds_a_lone_score() -> None:
    assert one_hot(np.array([[0.2, 0.4, 0.4], [0.1, 0.1, 0.8]])).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert one_hot(np.array([[0.7], [0.5], [0.1]])).tolist() == [[1], [1], [0]]
    assert one_hot(np.empty((0, 0))).shape == (0, 0)


def test_labels_get_around_a_defence_that_keeps_the_label_and_ruins_the_scores() -> None:
    guarded: Defence = lambda asked, scores: modelguard_w(scores)  # noqa: E731
    naive, adapted = fidelity(stolen(guarded, labels=False)), fidelity(stolen(guarded, labels=True))
    assert adapted > naive + 0.2, (naive, adapted)
    assert adapted > 0.85


def test_labels_are_no_better_than_scores_where_nothing_defends_them() -> None:
    open_door: Defence = lambda asked, scores: scores  # noqa: E731
    assert fidelity(stolen(open_door, labels=True)) < fidelity(stolen(open_door, labels=False))


def test_labels_do_not_help_against_random_answers() -> None:
    chance = np.random.default_rng(3)
    nonsense: Defence = lambda asked, scores: chance.dirichlet(np.ones(scores.shape[1]), len(asked))  # noqa: E731
    assert fidelity(stolen(nonsense, labels=True)) < 0.45
