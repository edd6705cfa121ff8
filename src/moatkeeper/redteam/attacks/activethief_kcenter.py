"""ActiveThief, k-center: ask next what the copy so far scores least like anything that was asked.

Pal et al. 2020, k-center strategy (after Sener and Savarese 2018): greedily the candidate whose score vector under
the substitute lies farthest from those of all rows that were asked or chosen. Deviations: as in activethief_uncertainty.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.pool_rounds import (
    Indexes,
    Situation,
    ask_in_rounds,
    classifier_only,
    copy_of,
    own_images,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

ROWS_AT_ONCE = 2_000  # candidates whose distances to all that was asked are held in memory together


class ActiveThiefKCenter:
    """Asks each image at most once, the farthest first."""

    name = "activethief-kcenter"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_in_rounds(self._images, victim, budget, rng, self._knowledge, farthest)
        return Loot(copy_of(self._knowledge, bought, rng))


def farthest(situation: Situation) -> Indexes:
    """The candidates that a greedy k-center picks, in its order."""
    return greedy_centres(
        situation.net.scores(situation.candidates), situation.net.scores(situation.bought.rows), situation.count
    )


def greedy_centres(points: FloatArray, centres: FloatArray, count: int) -> Indexes:
    """Indexes of ``count`` points (m, k), each the farthest from all centres (c, k) and from the points before it."""
    nearest = np.concatenate(
        [
            squared_distances(points[start : start + ROWS_AT_ONCE], centres).min(axis=1)
            for start in range(0, len(points), ROWS_AT_ONCE)
        ]
    )
    picked = np.empty(count, dtype=np.intp)
    for place in range(count):
        best = int(nearest.argmax())
        picked[place] = best
        nearest = np.minimum(nearest, ((points - points[best]) ** 2).sum(axis=1))
        nearest[best] = -1.0
    return picked


def squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared Euclidean distances, shape (m, c)."""
    products = points @ centres.T
    distances: FloatArray = (points**2).sum(axis=1)[:, None] - 2 * products + (centres**2).sum(axis=1)[None]
    return np.maximum(distances, 0.0)
