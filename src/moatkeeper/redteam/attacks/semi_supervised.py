"""Semi-supervised theft: ask a few images at random, and learn from all the others without asking.

Jagielski et al. 2020, who use MixMatch and a rotation loss. Deviation: pseudo-labels instead, in GENERATIONS. The
mean of TEACHERS networks that learned the answers, sharpened, labels the rest of the pool, and the next networks learn both;
an image is moved by a few pixels each time it is seen, which asks of the copy what consistency losses ask.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.pool_rounds import (
    Bought,
    classifier_only,
    copy_of,
    draw_seed,
    drawing_board,
    nothing_bought,
    own_images,
    soft,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

TEACHERS = 2  # networks whose mean labels what was not asked; more: steadier labels, more time
GENERATIONS = 2  # of teachers; more: labels that rest on labels
TEMPERATURE = 0.5  # of the sharpening (Berthelot et al. 2019, MixMatch); nearer 0: harder labels
WEIGHT = 1.0  # of all pseudo-labels together against all answers together; larger: more belief in the teachers
MOST_UNLABELLED = 5_000  # images learned without answers; more: more time


class SemiSupervised:
    """Asks images of the pool in random order, each at most once, and learns from the whole pool."""

    name = "semi-supervised"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers and on images that were not asked."""
        images = self._images[rng.permutation(len(self._images))]
        asked = images[:budget]
        bought = nothing_bought(self._knowledge).and_then(asked, victim.ask(asked))
        rest = images[len(bought) :][:MOST_UNLABELLED]
        if not len(bought) or not len(rest):
            return Loot(copy_of(self._knowledge, bought, rng))
        return Loot(self._learn(bought, rest, rng))

    def _learn(self, bought: Bought, rest: FloatArray, rng: np.random.Generator) -> Surrogate:
        board = drawing_board(self._knowledge)
        rows, targets, weights = bought.rows, soft(bought.answers), np.ones(len(bought))
        for _ in range(GENERATIONS):
            teachers = [board.train(rows, targets, draw_seed(rng), weights=weights) for _ in range(TEACHERS)]
            guessed = sharpened(np.mean([teacher.scores(rest) for teacher in teachers], axis=0))
            rows = np.vstack([bought.rows, rest])
            targets = np.vstack([soft(bought.answers), guessed])
            weights = weights_of(len(bought), len(rest))
        return board.train(rows, targets, draw_seed(rng), weights=weights)


def sharpened(scores: FloatArray) -> FloatArray:
    """Distributions (n, k) raised to 1 / TEMPERATURE and normalised again."""
    powers = scores ** (1 / TEMPERATURE)
    return cast(FloatArray, powers / powers.sum(axis=1, keepdims=True))


def weights_of(answers: int, guesses: int) -> FloatArray:
    """What each row counts, mean 1: all guesses together WEIGHT times as much as all answers together."""
    weights = np.concatenate([np.full(answers, 1 / answers), np.full(guesses, WEIGHT / guesses)])
    return cast(FloatArray, weights / weights.mean())
