"""What can be undone of a perturbed vector: noise without a pattern, and lengths; nothing that was cut away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.embedding_maps import at_unit_length
from moatkeeper.redteam.text_features import unit

MEDIAN_STEPS = 4_000  # of the numeric median of the Marchenko-Pastur law; more: nothing to be seen


@dataclass(frozen=True, slots=True)
class Recovered:
    """Vectors (n, d) with noise taken out; ``noise`` is its deviation a coordinate, ``rank`` what was found above it."""

    vectors: FloatArray
    noise: float
    rank: int


def denoise(vectors: FloatArray) -> Recovered:
    """Vectors whose singular values are shrunk as is best against white noise of unknown size, after their mean is taken out.

    Gavish and Donoho 2017, the shrinker for the Frobenius norm, section IV, with the noise from the median singular value
    (Gavish and Donoho 2014, section III.E). It helps where vectors lie near a space of much fewer dimensions than they have,
    and there are many of them; where they fill their space it does harm, and the caller has to compare.
    """
    rows, columns = vectors.shape
    mean = vectors.mean(axis=0)
    left, values, right = np.linalg.svd(vectors - mean, full_matrices=False)
    longer, shape = max(rows, columns), min(rows, columns) / max(rows, columns)
    noise = float(np.median(values) / np.sqrt(longer * _marchenko_pastur_median(shape)))
    scale = noise * np.sqrt(longer)
    if scale == 0:
        return Recovered(vectors, 0.0, int(np.count_nonzero(values)))
    ratio = values / scale
    above = ratio > 1 + np.sqrt(shape)
    inside = np.where(above, (ratio**2 - shape - 1) ** 2 - 4 * shape, 0.0)
    shrunk = np.where(above, np.sqrt(np.maximum(inside, 0.0)) / np.where(above, ratio, 1.0), 0.0) * scale
    return Recovered((left * shrunk) @ right + mean, noise, int(above.sum()))


def _marchenko_pastur_median(shape: float) -> float:
    """The median eigenvalue of noise of unit size whose sides are in the ratio ``shape``, in (0, 1]."""
    low, high = (1 - np.sqrt(shape)) ** 2, (1 + np.sqrt(shape)) ** 2
    # The middles of the steps: at shape 1 the density has a pole at the lower end.
    points = low + (high - low) * (np.arange(MEDIAN_STEPS) + 0.5) / MEDIAN_STEPS
    density = np.sqrt((high - points) * (points - low)) / points
    total = np.cumsum(density)
    return float(points[np.searchsorted(total, total[-1] / 2)])


def lengthened(vectors: FloatArray) -> FloatArray:
    """Vectors of length 1 where all were near it, as noise and rounding leave them; others as they are."""
    return unit(vectors) if at_unit_length(vectors) else vectors
