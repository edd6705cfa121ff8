"""Windowed multi-kernel MMD ("An Embarrassingly Simple Detector ...", Liu, Guo and Dong 2026, arXiv 2606.05725).

Queries are embedded; a window of them is compared with honest reference queries by the unbiased estimate of the squared
maximum mean discrepancy (Gretton et al. 2012, equation 3), averaged over Gaussian kernels whose widths are WIDTHS times the
median distance of reference queries. Above a percentile of honest windows it is an attack.

Deviations: the window is an account's queries; the threshold is that of the benchmark; the reference is a fixed sample of
honest queries rather than one drawn anew for each window; where the authors embed with bge-small-en-v1.5, whose weights cannot
be had here, texts are weighted words on their main axes, and tables are standardised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

WIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Times the median distance; each is twice the one before, which `_kernels` makes use of."""
_AT_ONCE = 8_000_000


@dataclass(frozen=True, slots=True)
class Reference:
    """Honest queries, shape (m, d), the median of their distances, and their own mean kernel without the diagonal."""

    points: npt.NDArray[np.float32]
    median: float
    own: float

    @classmethod
    def of(cls, points: FloatArray) -> Self:
        """From honest queries, shape (m, d)."""
        plain = points.astype(np.float32)
        square = _square_distances(plain[None], plain)[0]
        apart = square[~np.eye(len(plain), dtype=bool)]
        median = float(np.sqrt(np.median(apart))) or 1.0
        kernels = _kernels(apart.copy(), median)
        return cls(plain, median, float(kernels.mean()))

    def discrepancy(self, windows: FloatArray) -> FloatArray:
        """The unbiased squared MMD of each window, (accounts, n, d) -> (accounts,); n from 2 up."""
        accounts, n, _ = windows.shape
        found = np.empty(accounts)
        portion = max(1, _AT_ONCE // (n * (n + len(self.points))))
        for start in range(0, accounts, portion):
            part = windows[start : start + portion].astype(np.float32)
            own = _kernels(_square_distances(part, part), self.median)
            within = (own.sum(axis=(1, 2), dtype=np.float64) - n) / (n * (n - 1))  # the diagonal is 1
            cross = _kernels(_square_distances(part, self.points), self.median).mean(axis=(1, 2), dtype=np.float64)
            found[start : start + portion] = within + self.own - 2 * cross
        return found


def _square_distances(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(accounts, n, d) against (m, d), or against itself, -> (accounts, n, m or n)."""
    other = second if second.ndim == first.ndim else second[None]
    left, right = np.einsum("and,and->an", first, first), np.einsum("and,and->an", other, other)
    apart = left[:, :, None] + right[:, None, :] - 2 * (first @ other.transpose(0, 2, 1))
    if second is first:
        diagonal = np.arange(first.shape[1])
        apart[:, diagonal, diagonal] = 0.0
    return np.asarray(np.maximum(apart, 0.0), dtype=np.float32)


def _kernels(square: npt.NDArray[np.float32], median: float) -> npt.NDArray[np.float32]:
    """The mean over WIDTHS of exp(-d^2 / (2 s^2)). Each width's kernel is the next wider one's to the fourth power."""
    widest = WIDTHS[-1] * median
    kernel = np.exp(square * np.float32(-1 / (2 * widest**2)))
    total = kernel.copy()
    for _ in WIDTHS[1:]:
        np.square(kernel, out=kernel)
        np.square(kernel, out=kernel)
        total += kernel
    return np.asarray(total / np.float32(len(WIDTHS)), dtype=np.float32)
