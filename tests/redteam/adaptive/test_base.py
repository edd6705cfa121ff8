from __future__ import annotations

import numpy as np

from moatkeeper.redteam.adaptive.base import own_chance, wrap
from moatkeeper.redteam.adaptive.labels import Labels
from moatkeeper.redteam.adaptive.repeat import Repeat
from moatkeeper.redteam.trade import ROWS
from tests.support.thieves import Behind, SoftLabels, rows


def test_the_last_tactic_stands_next_to_the_victim() -> None:
    attack = wrap(SoftLabels(rows(50, seed=1)), [Labels(), Repeat(ROWS, 5)])
    assert attack.name == "soft-labels+labels+repeat"
    victim = Behind()
    attack.run(victim, 50, np.random.default_rng(0))
    assert victim.asked == 50


def test_a_tactics_chance_leaves_the_attacks_own_as_it_was() -> None:
    rng, untouched = np.random.default_rng(3), np.random.default_rng(3)
    own = own_chance(rng)
    assert rng.random(4).tolist() == untouched.random(4).tolist()
    assert own.random(4).tolist() != np.random.default_rng(3).random(4).tolist()
