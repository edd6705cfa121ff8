"""PRADA (Juuti, Szyller, Marchal and Asokan 2019, section 5): honest queries lie at normally distributed distances.

Section 5.2, algorithm 3: for every class a growing set; a query's distance is that to the nearest member of its predicted
class's set; it joins the set where the distance is larger than the class's threshold, the largest so far of mean minus
deviation of the distances of the members when they joined (a first member counts as 0). Every STEP queries the distances of
all classes, those farther than CUT deviations from their mean left out, are tested for normality: Shapiro-Wilk's W below a
threshold is an attack. As in the authors' code, a class counts from LEAST_OF_CLASS distances on, and W is not taken of LEAST
distances or fewer.

Deviations: the threshold on W is not the paper's but comes from honest accounts, as for every contestant. The authors' flag
can go out again; ``latched`` keeps the smallest W that was ever seen. ``least`` may be set below the authors' LEAST, without
which PRADA is silent about the first hundred queries. Where it is latched, W is taken every LATER_STEP queries once there are
LATER, to save time. Inputs other than images are standardised first. Past 5,000 distances W
would be approximate; no account here has so many.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import shapiro  # type: ignore[import-untyped]

from moatkeeper.core.query import FloatArray

Index = npt.NDArray[np.int64]

STEP = 10
LATER, LATER_STEP = 200, 50  # queries from which on W is latched less often
LEAST = 100
LEAST_OF_CLASS = 10
CUT = 3.0
_AT_ONCE = 4_000_000  # distances held in memory


def distances(points: FloatArray, labels: Index) -> FloatArray:
    """Each query's distance to the growing set of its class, shape (accounts, n); NaN of the first query of a class.

    ``points`` (accounts, n, d), ``labels`` (accounts, n) from 0 up.
    """
    accounts, n, _ = points.shape
    found = np.full((accounts, n), np.nan)
    portion = max(1, _AT_ONCE // (n * n))
    for start in range(0, accounts, portion):
        part = slice(start, start + portion)
        found[part] = _distances(points[part].astype(np.float32), labels[part])
    return found


def _distances(points: npt.NDArray[np.float32], labels: Index) -> FloatArray:
    accounts, n, _ = points.shape
    apart = pairwise(points)
    every, classes = np.arange(accounts), int(labels.max()) + 1
    member = np.zeros((accounts, n), dtype=bool)
    count, total, square, threshold = (np.zeros((accounts, classes)) for _ in range(4))
    found = np.full((accounts, n), np.nan)
    for at in range(n):
        label = labels[:, at]
        same = member[:, :at] & (labels[:, :at] == label[:, None])
        nearest = np.where(same, apart[:, at, :at], np.inf).min(axis=1, initial=np.inf)
        first = np.isinf(nearest)
        joins = first | (nearest > threshold[every, label])
        found[~first, at] = nearest[~first]
        member[:, at] = joins
        who, which, distance = every[joins], label[joins], np.where(first, 0.0, nearest)[joins]
        count[who, which] += 1
        total[who, which] += distance
        square[who, which] += distance**2
        mean = total[who, which] / count[who, which]
        spread = np.sqrt(np.maximum(square[who, which] / count[who, which] - mean**2, 0.0))
        raised = np.where(first[joins], 0.0, mean - spread)
        threshold[who, which] = np.maximum(threshold[who, which], raised)
    return found


def pairwise(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Euclidean distances within each account, (accounts, n, d) -> (accounts, n, n)."""
    square = np.einsum("and,and->an", points, points)
    apart = square[:, :, None] + square[:, None, :] - 2 * (points @ points.transpose(0, 2, 1))
    return np.asarray(np.sqrt(np.maximum(apart, 0.0)), dtype=np.float32)


def w_of(found: FloatArray, labels: Index, *, least: int = LEAST) -> float:
    """Shapiro and Wilk's W of one account's distances, shape (n,); 1, the most normal, where there are too few."""
    known = ~np.isnan(found)
    sizes = np.bincount(labels[known], minlength=1)
    kept = found[known][sizes[labels[known]] >= LEAST_OF_CLASS]
    if not len(kept) or kept.std() == 0:
        return 1.0
    kept = kept[np.abs(kept - kept.mean()) < CUT * kept.std()]
    if len(kept) <= least or np.ptp(kept) == 0:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(shapiro(kept).statistic)


def strangeness(points: FloatArray, labels: Index, looks: Sequence[int], *, latched: bool, least: int = LEAST) -> FloatArray:
    """-W of each account after its first so many queries, shape (accounts, looks); -1 where PRADA says nothing yet."""
    found = distances(points, labels)
    scores = np.full((len(points), len(looks)), -1.0)
    for account in range(len(points)):
        worst, begun = 1.0, 0
        for place, look in enumerate(looks):
            last = look - look % STEP
            checks = _checks(begun, last) if latched else ([last] if last else [])
            for check in checks:
                w = w_of(found[account, :check], labels[account, :check], least=least)
                worst = min(worst, w) if latched else w
            begun = max(begun, last)
            scores[account, place] = -worst
    return scores


def _checks(begun: int, last: int) -> list[int]:
    """When W is taken after ``begun`` queries and up to ``last``."""
    every = range(begun + STEP, last + 1, STEP)
    return [check for check in every if check <= LATER or check % LATER_STEP == 0]
