from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.random_pool import RandomPool
from tests.support.digits import Reader, fidelity, knowledge, noise, pool


def test_images_of_the_right_population_come_before_foreign_ones() -> None:
    victim = Reader()
    thief = RandomPool(knowledge(foreign=noise(20)))
    thief.run(victim, 10_000, np.random.default_rng(0))
    foreign = {row.tobytes() for row in noise(20)}
    is_foreign = [row.tobytes() in foreign for row in victim.asked]
    assert is_foreign == [False] * len(pool()) + [True] * 20


def test_more_answers_make_a_better_copy_and_labels_alone_a_worse_one() -> None:
    thief = RandomPool(knowledge())
    assert fidelity(thief, 500) > 0.95 > fidelity(thief, 40)
    assert fidelity(thief, 40) > fidelity(thief, 40, Reader(labels_only=True))
