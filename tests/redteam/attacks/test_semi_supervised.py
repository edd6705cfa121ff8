from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.attacks.random_pool import RandomPool
from moatkeeper.redteam.attacks.semi_supervised import WEIGHT, SemiSupervised, sharpened, weights_of
from tests.support.digits import Reader, fidelity, knowledge, pool


def test_sharpening_squares_and_normalises_at_half_temperature() -> None:
    np.testing.assert_allclose(sharpened(np.array([[0.6, 0.3, 0.1]])), [[0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46]])


def test_all_guesses_together_count_as_much_as_they_are_believed() -> None:
    weights = weights_of(10, 500)
    assert weights[10:].sum() == pytest.approx(WEIGHT * weights[:10].sum())
    assert weights.mean() == pytest.approx(1.0)


def test_only_the_budget_is_asked_though_the_whole_pool_is_learned() -> None:
    victim = Reader()
    thief = SemiSupervised(knowledge())
    with_rest = thief.run(victim, 30, np.random.default_rng(0)).surrogate
    assert len(victim.asked) == 30
    without_rest = RandomPool(knowledge()).run(Reader(), 30, np.random.default_rng(0)).surrogate
    assert not np.array_equal(with_rest.scores(pool()), without_rest.scores(pool()))


def test_images_that_were_not_asked_help_a_little() -> None:
    seeds = (0, 1)
    helped = np.mean([fidelity(SemiSupervised(knowledge()), 60, seed=seed) for seed in seeds])
    alone = np.mean([fidelity(RandomPool(knowledge()), 60, seed=seed) for seed in seeds])
    assert helped > alone
