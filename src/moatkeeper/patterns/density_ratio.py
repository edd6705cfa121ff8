"""What accounts of a window have that past ones have not: the ratio of two densities, by small boosted trees.

Trees see that a reading is odd only together with another one: a customer who edits one field of a row sends unreal rows, too,
but near-duplicates of each other. They do not run away beyond the accounts that they were taught with. Friedman 2001, with
histograms and second-order steps (Chen and Guestrin 2016); deviation: trees are grown level by level to a fixed depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray

TREES = 60
DEPTH = 3
"""Readings that a tree can see together."""
RATE = 0.1
"""Of each tree's step that is taken; smaller: steadier, needs more trees."""
BINS = 48
"""Thresholds that a reading can be cut at, plus one."""
RIDGE = 5.0
"""Accounts' worth of doubt in each leaf; larger: blunter."""
LEAST_LEAF = 5.0
"""Curvature that a leaf needs, about four accounts to one unit; larger: steadier, blunter."""


class _Tree(NamedTuple):
    """By level, shape (2^level,) each: which reading a node looks at, and the last bin to the left. ``leaves`` are steps."""

    readings: tuple[IntArray, ...]
    cuts: tuple[IntArray, ...]
    leaves: FloatArray

    def leaf_of(self, bins: IntArray) -> IntArray:
        node = np.zeros(len(bins), dtype=np.int64)
        for reading, cut in zip(self.readings, self.cuts, strict=True):
            node = 2 * node + (bins[np.arange(len(bins)), reading[node]] > cut[node])
        return node


@dataclass(frozen=True, slots=True)
class DensityRatio:
    """A fitted ratio; ``edges`` has shape (statistics + 1, BINS - 1), the last row for the number of rows."""

    edges: FloatArray
    trees: tuple[_Tree, ...]

    @classmethod
    def fit(
        cls, current: FloatArray, current_rows: IntArray, past: FloatArray, past_rows: IntArray, past_weights: FloatArray
    ) -> Self:
        """From normal scores of accounts now and then, shape (n, statistics), and checkpoints; past ones are weighted."""
        values = np.concatenate([_values(current, current_rows), _values(past, past_rows)])
        edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).T
        bins = _bins(edges, values)
        is_current = np.r_[np.ones(len(current)), np.zeros(len(past))]
        weight = np.r_[np.ones(len(current)), past_weights]
        score, trees = np.zeros(len(values)), []
        for _ in range(TREES):
            chance = 1 / (1 + np.exp(-score))
            tree = _grown(bins, weight * (is_current - chance), weight * chance * (1 - chance))
            trees.append(tree)
            score += tree.leaves[tree.leaf_of(bins)]
        return cls(edges, tuple(trees))

    def scores(self, scores: FloatArray, rows: IntArray) -> FloatArray:
        """The logarithm of the ratio up to a constant, shape (n,); larger: more like what is new in the window."""
        bins = _bins(self.edges, _values(scores, rows))
        found = np.zeros(len(bins))
        for tree in self.trees:
            found += tree.leaves[tree.leaf_of(bins)]
        return found


def _values(scores: FloatArray, rows: IntArray) -> FloatArray:
    return np.concatenate([np.nan_to_num(scores, nan=0.0), np.asarray(rows, dtype=np.float64)[:, None]], axis=1)


def _bins(edges: FloatArray, values: FloatArray) -> IntArray:
    return np.stack([np.searchsorted(edge, column) for edge, column in zip(edges, values.T, strict=True)], axis=1)


def _grown(bins: IntArray, slope: FloatArray, curve: FloatArray) -> _Tree:
    count, width = bins.shape
    node = np.zeros(count, dtype=np.int64)
    readings, cuts = [], []
    for level in range(DEPTH):
        shape = (1 << level, width, BINS)
        place = ((node[:, None] * width + np.arange(width)) * BINS + bins).ravel()
        left_slope, left_curve = (
            np.bincount(place, np.repeat(part, width), int(np.prod(shape))).reshape(shape).cumsum(axis=2)
            for part in (slope, curve)
        )
        right_slope, right_curve = left_slope[:, :, -1:] - left_slope, left_curve[:, :, -1:] - left_curve
        gain = left_slope**2 / (left_curve + RIDGE) + right_slope**2 / (right_curve + RIDGE)
        gain[(left_curve < LEAST_LEAF) | (right_curve < LEAST_LEAF)] = -1.0
        best = gain.reshape(1 << level, -1).argmax(axis=1)
        readings.append(best // BINS)
        cuts.append(np.where(gain.reshape(1 << level, -1).max(axis=1) < 0, BINS, best % BINS))
        node = 2 * node + (bins[np.arange(count), readings[-1][node]] > cuts[-1][node])
    leaves = 1 << DEPTH
    step = np.bincount(node, slope, leaves) / (np.bincount(node, curve, leaves) + RIDGE)
    return _Tree(tuple(readings), tuple(cuts), RATE * step)
