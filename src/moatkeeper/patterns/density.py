"""Density: an account's rows lie where honest rows of the same region do not, beyond the ways in which honest accounts differ.

The mean of random Fourier features (Rahimi and Recht 2007) describes where an account's rows lie; its distance to the mean of
all is the maximum mean discrepancy of the two-sample tests. Those flag nearly every honest specialist. Here each row is
compared with the honest rows of its region, so that a portfolio of one kind is nothing strange, and the distance is measured
in units of the spread between honest accounts: directions in which customers differ count little, others count fully.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.complete import complete, ordinary_gaps
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.sums import Sums

WAVES = 64
"""Random directions, each a cosine and a sine: 16 bytes an account each. Measured on credit cards at 64 rows and 0.1% of honest
accounts: of accounts with a quarter of rows of uniformly drawn valid values 3% are seen with 32, 72% with 64."""
BREADTH = 2.0
"""Wavelength over 2 pi in typical distances between two rows; larger: smoother, sees shifts better and fine structure worse."""
PATIENCE = 10.0
"""Honest variances that an account may differ by in the ways in which customers differ. At 1 customers with one kind of cases,
farther out than the variance of all leads to expect, were flagged up to sixteen times as often as others; at 10 none was."""
LEAST_ROWS = 8  # of an honest account that the spread is learned from
LEAST_ACCOUNTS = 50
SEEN = 4_000  # honest rows that the typical distance between two rows is learned from
FEATURES = Sums(2 * WAVES + 1)
_SEED = 23
_RIDGE = 1e-4  # of a feature's variance; keeps directions without any from counting without bound


@packable
@dataclass(frozen=True, slots=True)
class FittedDensity:
    """Directions (c, WAVES), and the honest mean of the features in each region, shape (regions, f).

    Along each of the ``axes`` (f, a) the rows of one account have variance 1; ``between`` (a,) is that between honest accounts.
    ``gaps`` (c,) are the columns that honest rows leave empty now and then.
    """

    waves: npt.NDArray[np.float32]
    means: npt.NDArray[np.float32]
    axes: FloatArray
    between: FloatArray
    gaps: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Sums of the features, and how many rows they are of."""
        return {"features": FEATURES}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's features less their mean in its region, and 1; NaN without a proper place."""
        apart = _features(rows.points, self.waves) - self.means[rows.cells]
        features = np.concatenate([apart, np.ones((len(rows), 1), dtype=np.float32)], axis=1)
        return {"features": np.where(complete(rows, self.gaps)[:, None], features, np.float32(np.nan))}

    def distances(self, states: States, counts: IntArray) -> FloatArray:
        """The squared distance along each axis in honest variances at as many rows, shape (accounts, a)."""
        sums = FEATURES.values(states["features"])
        rows = np.maximum(sums[:, -1:], 1)
        # Not a matrix product: its last digits depend on how many accounts are read at once.
        along = np.einsum("af,fk->ak", sums[:, :-1] / rows, self.axes)
        chance = 1 / np.maximum(rows * distinct_share(states, counts)[:, None], 1)
        return np.asarray(along**2 / (PATIENCE * self.between + chance), dtype=np.float64)

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The mean over the axes; below 1 for most honest accounts. NaN without rows."""
        return np.where(FEATURES.values(states["features"])[:, -1] > 0, self.distances(states, counts).mean(axis=1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The distance in honest variances."""
        found = float(self.distances(states, counts).mean())
        return (
            f"{int(counts[0])} rows lie {found:.2g} times as far from customers' rows of the same kind as one customer's, "
            f"in squares"
        )


@dataclass(frozen=True, slots=True)
class Density:
    """The detector, before it knows a model."""

    name: str = "density"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks about a mixture of cases that no customer has"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where too few honest accounts have enough rows, or rows are all the same."""
        owners, sizes = np.unique(rows.batch.accounts, return_counts=True)
        if int(np.sum(sizes >= LEAST_ROWS)) < LEAST_ACCOUNTS or not rows.points.shape[1]:
            return None
        rng = np.random.default_rng(_SEED)
        some = rows.points[rng.permutation(len(rows))[:SEEN]]
        typical = float(np.median(np.linalg.norm(some[: len(some) // 2] - some[-(len(some) // 2) :], axis=1)))
        if typical <= 0:
            return None
        waves = (rng.standard_normal((rows.points.shape[1], WAVES)) / (BREADTH * typical)).astype(np.float32)
        kept = np.isin(rows.batch.accounts, owners[sizes >= LEAST_ROWS])
        _, numbers, lengths = np.unique(rows.batch.accounts[kept], return_inverse=True, return_counts=True)
        features = _features(rows.points, waves).astype(np.float64)
        regions = _means(features, rows.cells, rows.cell_count).astype(np.float32)
        apart = (features - regions[rows.cells])[kept]
        means = _means(apart, numbers, len(lengths))
        within = np.cov((apart - means[numbers]).T) + _RIDGE * np.eye(means.shape[1])
        # What chance adds to the spread between means of few rows is taken off again.
        between = np.cov(means.T) - within * float(np.mean(1 / lengths))
        values, vectors = np.linalg.eigh(within)
        whitened = vectors / np.sqrt(values)
        spread, turned = np.linalg.eigh(whitened.T @ between @ whitened)
        return FittedDensity(waves, regions, whitened @ turned, np.maximum(spread, 0.0), ordinary_gaps(rows))


def _means(features: FloatArray, groups: IntArray, count: int) -> FloatArray:
    """The mean of each group's rows, shape (count, f); 0 for an empty group."""
    sums = np.zeros((count, features.shape[1]))
    np.add.at(sums, groups, features)
    return np.asarray(sums / np.maximum(np.bincount(groups, minlength=count), 1)[:, None], dtype=np.float64)


def _features(points: npt.NDArray[np.float32], waves: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    phases = points @ waves
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
