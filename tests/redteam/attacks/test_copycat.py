from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.copycat import Copycat
from tests.support.digits import Reader, fidelity, knowledge, noise, pool


def test_foreign_images_are_asked_and_the_pool_only_where_there_are_none() -> None:
    foreign, near = Reader(), Reader()
    Copycat(knowledge(foreign=noise(50))).run(foreign, 50, np.random.default_rng(0))
    Copycat(knowledge()).run(near, 50, np.random.default_rng(0))
    assert {row.tobytes() for row in foreign.asked} == {row.tobytes() for row in noise(50)}
    assert {row.tobytes() for row in near.asked} <= {row.tobytes() for row in pool()}


def test_nothing_but_labels_is_used() -> None:
    copies = []
    for labels_only in (False, True):
        loot = Copycat(knowledge()).run(Reader(labels_only=labels_only), 60, np.random.default_rng(0))
        copies.append(loot.surrogate.scores(pool()[:20]).tolist())
    assert copies[0] == copies[1]


def test_foreign_images_of_pure_chance_are_worth_less_than_images_of_the_right_population() -> None:
    right, chance = fidelity(Copycat(knowledge()), 300), fidelity(Copycat(knowledge(foreign=noise())), 300)
    assert right > 0.85
    assert chance < 0.5
