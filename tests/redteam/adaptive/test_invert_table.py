from __future__ import annotations

import numpy as np
import pytest

from bench.redteam.defences import gaussian_fresh, mad, mad_known, modelguard_w, reverse_sigmoid
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.invert_table import InvertTable, invert
from moatkeeper.redteam.adaptive.known import Disguise
from moatkeeper.redteam.adaptive.twice import distributions
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.trade import ROWS
from tests.support.thieves import Behind, Defence, SoftLabels, distance, fidelity, rows, softmax, truth


def believed(scores: FloatArray) -> FloatArray:
    """What a mediocre copy believes: the truth with an error of half a nat in each logarithm."""
    errors = np.random.default_rng(8).normal(0, 0.5, scores.shape)
    return distributions(softmax(np.log(scores + 1e-9) + errors))


def errors(shown: FloatArray, scores: FloatArray, disguise: Disguise) -> tuple[float, float]:
    """The L1 error of what is shown and of what inversion makes of it."""
    undone = invert(shown, believed(scores), disguise, np.random.default_rng(0), 32)
    return float(np.abs(shown - scores).sum(axis=1).mean()), float(np.abs(undone - scores).sum(axis=1).mean())


def test_a_monotone_map_is_undone() -> None:
    """The reference went from 1.50 to 0.14 on ten classes."""
    scores = truth(rows(200, seed=2))
    before, after = errors(reverse_sigmoid(scores), scores, reverse_sigmoid)
    assert before > 0.4
    assert after < 0.1 * before


def test_the_turn_of_mad_is_undone_without_its_random_network() -> None:
    asked = rows(200, seed=2)
    scores = truth(asked)
    before, after = errors(mad(1, asked.shape[1]).release(asked, scores), scores, mad_known)
    assert before > 0.6
    assert after < 0.3 * before


def test_fresh_noise_leaves_no_more_than_the_belief() -> None:
    scores = truth(rows(200, seed=2))
    fresh = gaussian_fresh(np.random.default_rng(1))
    before, after = errors(fresh.release(scores, scores), scores, fresh.known)
    belief = float(np.abs(believed(scores) - scores).sum(axis=1).mean())
    assert after < before
    assert after > 0.5 * belief


def copied(defence: Defence, disguise: Disguise | None) -> Surrogate:
    attack, rng = SoftLabels(rows(300, seed=1)), np.random.default_rng(0)
    if disguise is None:
        return attack.run(Behind(defence), 300, rng).surrogate
    return InvertTable(ROWS, disguise, 16).run(attack, Behind(defence), 300, rng).surrogate


def test_a_thief_who_knows_the_defence_copies_better_and_one_who_is_wrong_about_it_does_not() -> None:
    guarded: Defence = lambda asked, scores: reverse_sigmoid(scores)  # noqa: E731
    naive, right = copied(guarded, None), copied(guarded, reverse_sigmoid)
    assert distance(right) < 0.6 * distance(naive)
    assert fidelity(right) > fidelity(naive) - 0.01
    open_door: Defence = lambda asked, scores: scores  # noqa: E731
    wrong = copied(open_door, reverse_sigmoid)
    assert distance(wrong) > distance(copied(open_door, None))
    assert fidelity(wrong) <= fidelity(copied(open_door, None))


def test_modelguard_w_falls() -> None:
    guarded: Defence = lambda asked, scores: modelguard_w(scores)  # noqa: E731
    naive, right = copied(guarded, None), copied(guarded, lambda scores: modelguard_w(scores, 10))
    assert fidelity(right) > fidelity(naive) + 0.2


def test_at_least_one_guess_is_needed() -> None:
    with pytest.raises(UsageError, match="at least one guess"):
        InvertTable(ROWS, reverse_sigmoid, 0)
