"""Pairs of columns: which values go together in honest rows, and which never do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.columns import MISSING, UNSEEN
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import CodeArray

STEPS = 16
"""Groups of values a column is cut into, of about the same weight; larger: finer, and more honest rows needed."""
WIDTH = STEPS + 2  # the last two: never seen, missing
MOST_PAIRS = 48
"""Pairs that are looked at, those that say most about each other; larger: sees more, slower."""
CANDIDATES = 20_000
"""Honest rows that pairs are chosen by."""
STEP = 2.0**-8
"""That logarithms are whole multiples of: their sums are exact, whatever order they are added in."""
SMOOTHING = 0.5
"""Rows added to every cell, in the proportion that independent columns would have: one row is no law."""


@packable
@dataclass(frozen=True, slots=True)
class Pairs:
    """The groups of each column's codes (c, levels), the chosen pairs (p, 2), and what a pair of groups says (p, WIDTH²).

    ``together`` is the logarithm of how much more often two groups occur together in honest rows than if the columns had
    nothing to do with each other, in units of STEP.
    """

    groups: npt.NDArray[np.int16]
    pairs: npt.NDArray[np.int64]
    together: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, codes: CodeArray, levels: int) -> Self:
        """From honest codes, shape (n, c)."""
        width = codes.shape[1]
        groups = np.stack([_groups(codes[:, column], levels) for column in range(width)])
        grouped = np.take_along_axis(groups.T, codes.astype(np.int64), axis=0)
        alone = np.stack([np.bincount(grouped[:, column], minlength=WIDTH) for column in range(width)]) + SMOOTHING
        share = alone / alone.sum(axis=1, keepdims=True)
        pairs = _most_telling(grouped[:CANDIDATES])
        together = np.empty((len(pairs), WIDTH * WIDTH), dtype=np.float32)
        for number, (first, second) in enumerate(pairs.tolist()):
            expected = np.outer(share[first], share[second]).reshape(-1)
            found = np.bincount(grouped[:, first] * WIDTH + grouped[:, second], minlength=WIDTH * WIDTH)
            # Some rows' worth of independence is mixed in, so that an empty cell has a finite price.
            prior = SMOOTHING * WIDTH * WIDTH
            joint = (found + prior * expected) / (len(grouped) + prior)
            ratio = np.log(joint / expected).reshape(WIDTH, WIDTH)
            # A missing value may be news, but it is no sign that a row was made up.
            ratio[-1], ratio[:, -1] = np.maximum(ratio[-1], 0.0), np.maximum(ratio[:, -1], 0.0)
            together[number] = np.rint(ratio.reshape(-1) / STEP)
        return cls(groups, pairs, together)

    def scores(self, codes: CodeArray) -> FloatArray:
        """How well the columns of each row go together, shape (n,): the mean over all pairs; smaller is stranger.

        The column that goes least with the others is left out: a single changed or new value does not make a row unreal.
        """
        grouped = np.take_along_axis(self.groups.T, codes.astype(np.int64), axis=0).astype(np.int64)
        cells = grouped[:, self.pairs[:, 0]] * WIDTH + grouped[:, self.pairs[:, 1]]
        found = self.together[np.arange(len(self.pairs)), cells]
        holding = np.zeros((len(self.pairs), len(self.groups)), dtype=np.float32)
        holding[np.arange(len(self.pairs))[:, None], self.pairs] = 1.0
        least = np.minimum((found @ holding).min(axis=1), 0.0)
        return np.asarray((found.sum(axis=1) - least) * (STEP / max(1, len(self.pairs))), dtype=np.float64)


def _groups(column: CodeArray, levels: int) -> npt.NDArray[np.int16]:
    """The group of each code: neighbours together, about equally many rows in each."""
    counts = np.bincount(column, minlength=levels)[:UNSEEN].astype(np.float64)
    if np.count_nonzero(counts) <= STEPS:
        # Every value that occurs is its own group; one that does not counts as its lower neighbour.
        steps = np.maximum(np.cumsum(counts > 0) - 1, 0)
    else:
        middle = np.cumsum(counts) - counts / 2
        steps = np.minimum((middle / max(counts.sum(), 1) * STEPS).astype(np.int64), STEPS - 1)
    groups = np.empty(levels, dtype=np.int16)
    groups[:UNSEEN] = steps
    groups[UNSEEN], groups[MISSING] = STEPS, STEPS + 1
    return groups


def _most_telling(grouped: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """The pairs of columns with the most mutual information, at most MOST_PAIRS, shape (p, 2)."""
    width, rows = grouped.shape[1], len(grouped)
    found = []
    for first in range(width):
        for second in range(first + 1, width):
            cells = np.bincount(grouped[:, first].astype(np.int64) * WIDTH + grouped[:, second], minlength=WIDTH * WIDTH)
            joint = cells.reshape(WIDTH, WIDTH) / rows
            apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            seen = joint > 0
            found.append((-float(np.sum(joint[seen] * np.log(joint[seen] / apart[seen]))), first, second))
    return np.array([(first, second) for _, first, second in sorted(found)[:MOST_PAIRS]], dtype=np.int64).reshape(-1, 2)
