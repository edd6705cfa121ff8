"""What the singular values of many next-token answers betray: the hidden size of a model, and the span of its last layer.

Logits are ``W h``: however many contexts are asked, their vectors lie in a space of as many dimensions as h has (Carlini et al.
2024, section 4.1; Finlayson et al. 2024). A log-probability differs from its logit by one number a context, which
centring removes; what is lost with it is the mean row of W, which no answer of a softmax depends on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray

SPARE = 4
"""Dimensions beyond the rank that have to be seen empty: a rank nearer to the number of vectors is only that number."""
CONVINCING = 12.0
"""What the logarithm of a gap times the number of values after it must exceed. In noise neighbours grow apart towards the end
of a spectrum, so that this product hardly depends on its length: its maximum stayed under 5.1 in 2,000 noise matrices of many
shapes, under 8.9 in 240 models with fewer contexts than hidden dimensions. Larger: fewer ranks found that are none."""
DISTINCT = 2.0
"""How many times the logarithm of a gap must exceed that of the next widest. The spectra of trained models fall in steps of
their own, the first few by a factor of up to 2.5, which noise turns into the widest ones. Larger: fewer false ranks, more
missed."""
DUST = 1e-10  # of the largest singular value: below it is the rounding of 64-bit arithmetic
EDGE_MARGIN = 1.02  # the largest singular value of finite noise exceeds the limit law's edge by a percent or so
_GRID = 20_000  # points of the integral below; an error under 1e-4


@dataclass(frozen=True, slots=True)
class Rank:
    """``size`` lies before the widest ``gap`` of the spectrum, a ratio of at least 1; ``next_gap`` is the second widest, and
    ``after`` how many values come after the widest. ``above_noise`` counts the values beyond what noise alone would show, its
    size judged by the spectrum's median (right where the rank is under half of the vectors)."""

    size: int
    gap: float
    next_gap: float
    after: int
    above_noise: int

    @property
    def convincing(self) -> bool:
        """Whether the gap is far wider than noise makes one, and than all others."""
        width = float(np.log(self.gap))
        return width * self.after > CONVINCING and width > DISTINCT * float(np.log(self.next_gap))

    def findings(self) -> dict[str, float]:
        """``hidden_size``, 0 where the gap convinces nobody; ``widest_at``, the rank before it all the same; ``gap`` and
        ``above_noise``."""
        return {
            "hidden_size": float(self.size) if self.convincing else 0.0,
            "widest_at": float(self.size),
            "gap": self.gap,
            "above_noise": float(self.above_noise),
        }


NO_RANK = Rank(0, 1.0, 1.0, 0, 0)


def centred(vectors: FloatArray) -> FloatArray:
    """Shape (n, v), each row with mean 0."""
    return cast(FloatArray, vectors - vectors.mean(axis=1, keepdims=True))


def rank_of(vectors: FloatArray) -> Rank:
    """The rank that log-probability vectors of shape (n, v) betray; NO_RANK where there are too few of them."""
    if min(vectors.shape) <= SPARE + 1:
        return NO_RANK
    values = _spectrum(vectors)
    gaps = _gaps(values)
    size = int(gaps.argmax()) + 1
    second = float(np.delete(gaps, size - 1).max())
    return Rank(size, float(gaps.max()), second, len(values) - size, _above_noise(values, vectors.shape))


def _spectrum(vectors: FloatArray) -> FloatArray:
    """Falling singular values of the centred vectors; centring makes one column's worth of them 0, which is left out."""
    values = np.linalg.svd(centred(vectors), compute_uv=False)
    return cast(FloatArray, values[: min(len(vectors), vectors.shape[1] - 1)])


def _gaps(values: FloatArray) -> FloatArray:
    """Ratios of neighbours; without the last few, and 1 where both are dust."""
    ratios = values[:-1] / np.maximum(values[1:], float(np.finfo(np.float64).tiny))
    gaps: FloatArray = np.where(values[:-1] > values[0] * DUST, ratios, 1.0)[: len(values) - SPARE]
    return gaps


def span_of(vectors: FloatArray, size: int) -> FloatArray:
    """An orthonormal basis (v, size) of what centred log-probability vectors (n, v) span."""
    right = np.linalg.svd(centred(vectors), full_matrices=False)[2]
    return cast(FloatArray, right[:size].T)


def outside(head: FloatArray, basis: FloatArray) -> float:
    """The share of the centred head (v, h) that lies outside the span of ``basis`` (v, r), in [0, 1]: 0 is stolen whole.

    ``|W - Q Q'W| / |W|`` in the Frobenius norm. Only the owner, who has the head, can tell it.
    """
    weights = head - head.mean(axis=0)
    residue = weights - basis @ (basis.T @ weights)
    return float(np.linalg.norm(residue) / np.linalg.norm(weights))


def _above_noise(values: FloatArray, shape: tuple[int, ...]) -> int:
    """Gavish and Donoho 2014, section III: noise of unknown size from the median; deviation: the edge of pure noise counts,
    rather than the threshold that is best for denoising, since a count of dimensions is wanted."""
    aspect = min(shape) / max(shape)
    noise = float(np.median(values)) / _median_singular_value(aspect)
    return int((values > max(EDGE_MARGIN * noise * (1 + aspect**0.5), DUST * values[0])).sum())


def _median_singular_value(aspect: float) -> float:
    """The median singular value of noise of unit size by the law of Marchenko and Pastur, for a matrix of that aspect <= 1."""
    low, high = (1 - aspect**0.5) ** 2, (1 + aspect**0.5) ** 2
    squares = low + (high - low) * (np.arange(_GRID) + 0.5) / _GRID
    density = np.sqrt((high - squares) * (squares - low)) / squares
    share = density.cumsum() / density.sum()
    return float(np.sqrt(squares[int(np.searchsorted(share, 0.5))]))
