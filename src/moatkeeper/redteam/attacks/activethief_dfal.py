"""ActiveThief, DFAL: ask next what lies nearest a boundary of the copy so far, by the length of a DeepFool step.

Pal et al. 2020, DFAL strategy (after Ducoffe and Precioso 2018). Deviations: as in
activethief_uncertainty; a random share of the candidates is measured, and each against its RIVALS best classes only, since
DeepFool on every candidate and class takes longer than all the training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from moatkeeper.redteam.nets import Net

MEASURED = 5  # candidates measured for one that is asked; more: a stricter choice, more time
RIVALS = 3  # classes beside the first whose boundaries are looked for
STEPS = 3  # of DeepFool; more: a closer estimate of the distance
OVERSHOOT = 1.02  # of each step, as in Moosavi-Dezfooli et al. 2016, so that it really crosses
SMALLEST_SLOPE = 1e-12


class ActiveThiefDfal:
    """Asks each image at most once, the nearest to a boundary first."""

    name = "activethief-dfal"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_in_rounds(self._images, victim, budget, rng, self._knowledge, nearest_a_boundary)
        return Loot(copy_of(self._knowledge, bought, rng))


def nearest_a_boundary(situation: Situation) -> Indexes:
    """Measured candidates in rising order of the length of their DeepFool step."""
    measured = min(len(situation.candidates), MEASURED * situation.count)
    sample = situation.rng.permutation(len(situation.candidates))[:measured]
    lengths = deepfool_lengths(situation.net, situation.candidates[sample])
    order: Indexes = sample[np.argsort(lengths, kind="stable")]
    return order


def deepfool_lengths(net: Net, rows: FloatArray) -> FloatArray:
    """How far each row was moved until the network decided otherwise, or STEPS were taken; shape (n,)."""
    first = net.log_scores(rows)
    ranked = np.argsort(-first, axis=1, kind="stable")[:, : RIVALS + 1]
    own = ranked[:, 0]
    moved = rows.copy()
    for _ in range(STEPS):
        scores = net.log_scores(moved)
        inside = scores.argmax(axis=1) == own
        if not inside.any():
            break
        moved[inside] += OVERSHOOT * _step(net, moved[inside], scores[inside], ranked[inside])
    lengths: FloatArray = np.linalg.norm((moved - rows) / net.reach, axis=1)
    return lengths


def _step(net: Net, rows: FloatArray, scores: FloatArray, ranked: Indexes) -> FloatArray:
    """The shortest linear step over a boundary between the first class and a rival."""
    index = np.arange(len(rows))
    own = ranked[:, 0]
    own_slope = net.gradients(rows, own)
    best = np.full(len(rows), np.inf)
    step = np.zeros_like(rows)
    for rival in ranked.T[1:]:
        slope = (net.gradients(rows, rival) - own_slope) * net.reach
        norm = np.maximum(np.linalg.norm(slope, axis=1), SMALLEST_SLOPE)
        gap = np.abs(scores[index, rival] - scores[index, own])
        distance = gap / norm
        nearer = distance < best
        best = np.where(nearer, distance, best)
        step = np.where(nearer[:, None], (distance / norm)[:, None] * slope * net.reach, step)
    return step
