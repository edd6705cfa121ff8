from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.knockoff import Knockoff
from tests.support.digits import Reader, fidelity, knowledge, noise, pool


def test_all_images_are_asked_mixed() -> None:
    victim = Reader()
    Knockoff(knowledge(foreign=noise(600))).run(victim, 200, np.random.default_rng(0))
    foreign = {row.tobytes() for row in noise(600)}
    share = np.mean([row.tobytes() in foreign for row in victim.asked])
    assert 0.4 < share < 0.6


def test_images_of_pure_chance_are_worth_less_than_the_right_population() -> None:
    nothing = np.empty((0, 64))
    chance = fidelity(Knockoff(knowledge(own=nothing, foreign=noise())), 300)
    mixed = fidelity(Knockoff(knowledge(foreign=noise())), 300)
    right = fidelity(Knockoff(knowledge(own=pool())), 300)
    assert right > mixed > chance
    assert right > 0.9
    assert chance < 0.6
