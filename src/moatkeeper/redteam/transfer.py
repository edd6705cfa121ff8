"""What a copy is good for: adversarial examples made on it, offline, and how often they fool the victim."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Surrogate

STEP = 0.25  # standard deviations of each column; the size of a change that a customer's data could show too
ROUNDS = 4
DIRECTIONS = 8
"""Random directions tried a round; larger: better examples on the copy, more time."""
ROWS = 200
SEED = 20_260_101


def transfer(surrogate: Surrogate, owner: Callable[[FloatArray], FloatArray], rows: FloatArray) -> Mapping[str, float]:
    """How well examples made on the copy fool the victim, and how well random changes of the same size do.

    ``transfer`` is the share of rows, correctly copied before, that the victim decides otherwise after changes of at most
    ROUNDS x STEP standard deviations a column which lower the copy's margin most (a random search over sign vectors, since
    copies have no gradients in common); ``transfer_random`` the same for changes that know nothing of the copy.
    """
    rng = np.random.default_rng(SEED)
    sample = rows[rng.permutation(len(rows))[:ROWS]]
    before = owner(sample).argmax(axis=1)
    copied = surrogate.scores(sample).argmax(axis=1)
    kept = before == copied
    if not kept.any():
        return {"transfer": 0.0, "transfer_random": 0.0}
    sample, before = sample[kept], before[kept]
    scale = rows.std(axis=0) * STEP
    lowest, highest = rows.min(axis=0), rows.max(axis=0)
    crafted, random = sample.copy(), sample.copy()
    for _ in range(ROUNDS):
        crafted = _best_step(surrogate, crafted, before, scale, rng)
        random = random + scale * rng.choice([-1.0, 1.0], random.shape)
    fooled = owner(np.clip(crafted, lowest, highest)).argmax(axis=1) != before
    by_chance = owner(np.clip(random, lowest, highest)).argmax(axis=1) != before
    return {"transfer": float(fooled.mean()), "transfer_random": float(by_chance.mean())}


def _best_step(
    surrogate: Surrogate, rows: FloatArray, labels: np.ndarray, scale: FloatArray, rng: np.random.Generator
) -> FloatArray:
    best, lowest_margin = rows, _margin(surrogate.scores(rows), labels)
    for _ in range(DIRECTIONS):
        tried = rows + scale * rng.choice([-1.0, 1.0], rows.shape)
        margin = _margin(surrogate.scores(tried), labels)
        better = margin < lowest_margin
        best = np.where(better[:, None], tried, best)
        lowest_margin = np.where(better, margin, lowest_margin)
    return best


def _margin(scores: FloatArray, labels: np.ndarray) -> FloatArray:
    """The score of the label less the best other, shape (n,)."""
    rows = np.arange(len(scores))
    own = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = -np.inf
    margin: FloatArray = own - others.max(axis=1)
    return margin
