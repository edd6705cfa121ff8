from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks import jbda, jbda_tr
from moatkeeper.redteam.attacks.jbda import FIRST, Jbda
from moatkeeper.redteam.attacks.jbda_tr import JbdaTr
from moatkeeper.redteam.attacks.random_pool import RandomPool
from moatkeeper.redteam.cards import RowCard
from moatkeeper.redteam.registry import ROW_ATTACKS
from tests.support.digits import BRIGHTEST, Reader, fidelity, knowledge, pool

NAMES = (Jbda.name, JbdaTr.name)
REACH = {Jbda.name: jbda.STEP, JbdaTr.name: jbda_tr.REACH}


def asked(card: RowCard, budget: int) -> FloatArray:
    victim = Reader()
    card.make(knowledge()).run(victim, budget, np.random.default_rng(0))
    return np.array(victim.asked)


@pytest.mark.parametrize("card", [ROW_ATTACKS[name] for name in NAMES], ids=NAMES)
def test_made_images_are_lawful_new_and_one_step_from_those_before(card: RowCard) -> None:
    rows = asked(card, 2 * FIRST)
    seeds, made = rows[:FIRST], rows[FIRST:]
    assert {row.tobytes() for row in seeds} <= {row.tobytes() for row in pool()}
    assert len(made) == FIRST
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert made.min() >= 0
    assert made.max() <= BRIGHTEST
    assert np.array_equal(made, np.round(made))
    nearest = np.abs(made[:, None] - seeds[None]).max(axis=2).min(axis=1)
    assert nearest.max() <= REACH[card.name] * BRIGHTEST + 0.5  # half for rounding to whole pixels
    assert nearest.min() > 0


@pytest.mark.parametrize("card", [ROW_ATTACKS[name] for name in NAMES], ids=NAMES)
def test_made_images_are_worth_something_but_less_than_as_many_of_the_right_population(card: RowCard) -> None:
    """Orekondy et al. 2020, table 1, on MNIST: 89 for jbda where images of another population alone gave 99."""
    made = fidelity(card.make(knowledge()), 400)
    assert fidelity(RandomPool(knowledge()), 400) > made > 0.8


def test_a_thief_with_fewer_images_begins_with_those() -> None:
    victim = Reader()
    Jbda(knowledge(own=pool()[:10])).run(victim, 35, np.random.default_rng(0))
    assert {row.tobytes() for row in victim.asked[:10]} == {row.tobytes() for row in pool()[:10]}
    assert len(victim.asked) == 35
