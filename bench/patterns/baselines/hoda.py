"""HODA (Sadeghzadeh, Sobhanian, Dehghan and Jalili 2021, arXiv 2106.11424): a thief's queries are harder than honest ones.

Section 3: the hardness of a query is the index of the first sub-classifier from which on all later ones say what the last
one says: 0 where the label never changed, the last index where only the last agrees with itself. Sub-classifiers are saved
while the model is trained; the paper uses 11 epochs. Section 4: an account is the histogram of its queries' hardness, and its
strangeness is 1 minus Pearson's correlation with the mean honest histogram.

Deviations: the threshold is that of the benchmark, where the paper takes the largest of 40,000 honest sequences; for boosting
and forests the sub-classifiers are 11 stages of the ensemble, and for a network of which only the last state is known they are
linear readings of its 10 inner stages and itself. A histogram with all bars alike correlates with nothing: 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

Index = npt.NDArray[np.int64]

SUB_CLASSIFIERS = 11


def hardness(stages: Index) -> Index:
    """The hardness of each query, shape (n,), in [0, m); ``stages`` (n, m) are the labels, last sub-classifier last."""
    changes = stages[:, 1:] != stages[:, :-1]
    positions = np.arange(1, stages.shape[1])
    return np.asarray(np.where(changes, positions, 0).max(axis=1, initial=0), dtype=np.int64)


def histograms(hard: Index, bars: int) -> FloatArray:
    """The share of each hardness among an account's queries, (accounts, n) -> (accounts, bars)."""
    counts = np.stack([(hard == bar).sum(axis=1) for bar in range(bars)], axis=1)
    return np.asarray(counts / max(1, hard.shape[1]), dtype=np.float64)


def pearson_distance(histogram: FloatArray, honest: FloatArray) -> FloatArray:
    """1 minus the correlation of each histogram, shape (accounts, m), with the honest one, shape (m,); in [0, 2]."""
    own = histogram - histogram.mean(axis=1, keepdims=True)
    other = honest - honest.mean()
    scale = np.linalg.norm(own, axis=1) * np.linalg.norm(other)
    related = np.divide(own @ other, scale, out=np.zeros(len(own)), where=scale > 0)
    return np.asarray(1.0 - related, dtype=np.float64)
