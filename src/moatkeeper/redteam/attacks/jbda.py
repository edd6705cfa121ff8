"""Jacobian-based data set augmentation: from a handful of images, step along the copy's gradients, ask, and learn again.

Papernot et al. 2017, section 4.1: each round adds to every row the sign of the gradient of its label's score, and the sign of
the step changes every TURN rounds. Deviations: the rounds double the answers until the budget ends, where the paper stops at
six and then samples; within a round the rows come in random order, which is what its reservoir sampling amounts to; rows that
were asked before are left out; steps are cut to the documented ranges and rounded where a column takes whole numbers only.

Weak, as published (see MAD, table 1): of a LeNet on MNIST the copy after 1,000 answers, 0.83, was no better than one of 100
images of the right population asked at random, 0.82 (one seed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.pool_rounds import (
    EFFORT,
    Bought,
    Indexes,
    classifier_only,
    copy_of,
    draw_seed,
    drawing_board,
    lawful,
    nothing_bought,
    own_images,
    soft,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

if TYPE_CHECKING:
    from moatkeeper.redteam.nets import Net

FIRST = 100  # images of the thief's own: Papernot et al. began with 100 and 150, Orekondy et al. 2020 with 100
STEP = 0.1  # of a column's range (Papernot et al.); larger: more variety, less like an image
TURN = 3  # rounds after which steps go the other way

Craft = Callable[["Net", FloatArray, Indexes, int, np.random.Generator], FloatArray]
"""New rows from a network, rows (n, d), their labels (n,) and the number of the round."""


class Jbda:
    """Asks FIRST images, then what becomes of them."""

    name = "jbda"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_and_augment(self._images, victim, budget, rng, self._knowledge, self._craft)
        return Loot(copy_of(self._knowledge, bought, rng))

    def _craft(self, net: Net, rows: FloatArray, labels: Indexes, number: int, rng: np.random.Generator) -> FloatArray:
        step = STEP * (self._knowledge.highest - self._knowledge.lowest) * (-1) ** (number // TURN)
        return cast(FloatArray, rows + step * np.sign(net.gradients(rows, labels)))


def ask_and_augment(
    images: FloatArray,
    victim: RowVictim,
    budget: int,
    rng: np.random.Generator,
    knowledge: RowKnowledge,
    craft: Craft,
) -> Bought:
    """Answers to FIRST images and then, round after round, to what ``craft`` makes of all that was asked."""
    board = drawing_board(knowledge)
    coming = images[rng.permutation(len(images))[:FIRST]]
    bought, number = nothing_bought(knowledge), 0
    while len(coming) and len(bought) < budget:
        asked = coming[: budget - len(bought)]
        answers = victim.ask(asked)
        bought = bought.and_then(asked, answers)
        if len(answers) < len(coming):
            break
        net = board.train(bought.rows, soft(bought.answers), draw_seed(rng), effort=EFFORT)
        made = lawful(craft(net, bought.rows, bought.answers.argmax(axis=1), number, rng), knowledge)
        coming = _new(made, bought.rows)
        coming = coming[rng.permutation(len(coming))]
        number += 1
    return bought


def _new(rows: FloatArray, asked: FloatArray) -> FloatArray:
    """The rows that are not among those asked, each once."""
    seen = {row.tobytes() for row in asked}
    keep = []
    for index, row in enumerate(rows):
        key = row.tobytes()
        if key not in seen:
            seen.add(key)
            keep.append(index)
    return rows[keep]
