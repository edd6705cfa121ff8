"""Blacklight (Li, Shan, Wenger, Zhang, Zheng and Zhao 2022): queries that share many hashes are steps of one attack.

Sections 4 and 5: pixels are moved by a secret salt, quantised, and cut into overlapping windows whose hashes are taken; a
query's fingerprint is its KEPT largest distinct hashes. Two queries that share ALIKE of them or more are one attack's. The
store is the service's, not an account's.

Deviations: SplitMix's mixing stands for SHA-3, whose secrecy no experiment here tests; accounts are ranked by how many of
their queries match an earlier one of their own, which spares Blacklight the false alarms between customers, or, where a ring
is looked for, one of anybody's. Inputs other than images are standardised and spread over the range of a pixel; where they
have fewer than KEPT windows, half of the windows there are must be shared, as the paper's version for texts does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.hashing import mixed

Index = npt.NDArray[np.int64]

BRIGHTEST = 255
QUANTUM = 50
WINDOW = 20
KEPT = 50
ALIKE = 25
AHEAD = 3  # times KEPT hashes are sorted first, which is nearly always enough
_BASE = np.uint64(0x9E3779B97F4A7C15 | 1)


def fingerprints(inputs: FloatArray, salt: int, *, window: int = WINDOW, step: int = 1) -> npt.NDArray[np.uint64]:
    """The KEPT largest distinct hashes of each row's windows, shape (n, at most KEPT); 0 where there are fewer.

    ``inputs`` (n, d) in [0, 1].
    """
    salted = np.random.default_rng(salt).integers(0, BRIGHTEST, size=inputs.shape[1])
    moved = np.mod(BRIGHTEST * np.nan_to_num(inputs) + salted, BRIGHTEST)
    quantised = (np.rint(moved / QUANTUM) * QUANTUM).astype(np.uint64)
    starts = np.arange(0, max(1, inputs.shape[1] - window + 1), step)
    hashes = np.zeros((len(inputs), len(starts)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place in range(min(window, inputs.shape[1])):
            hashes = hashes * _BASE + quantised[:, starts + place] + np.uint64(1)
    scattered = mixed(hashes)
    if scattered.shape[1] <= AHEAD * KEPT:
        return _largest(scattered)
    found = _largest(np.partition(scattered, -AHEAD * KEPT, axis=1)[:, -AHEAD * KEPT :])
    short = found[:, -1] == 0  # too many of the largest were the same
    found[short] = _largest(scattered[short])
    return found


def _largest(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    ordered = np.sort(hashes, axis=1)[:, ::-1]
    repeated = np.zeros(ordered.shape, dtype=bool)
    repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    ordered[repeated] = 0
    return np.ascontiguousarray(np.sort(ordered, axis=1)[:, ::-1][:, :KEPT])


def earlier_matches(prints: npt.NDArray[np.uint64], owners: Index, alike: int = ALIKE) -> npt.NDArray[np.bool_]:
    """Whether each query shares ``alike`` hashes with an earlier one of the same owner; one owner for all: with anybody's."""
    n = len(prints)
    row = np.repeat(np.arange(n), prints.shape[1])
    known = prints.reshape(-1) != 0
    with np.errstate(over="ignore"):
        keyed = mixed(prints.reshape(-1)[known] + owners[row[known]].astype(np.uint64) * _BASE)
    _, column = np.unique(keyed, return_inverse=True)
    table = csr_matrix((np.ones(len(column), dtype=np.int32), (row[known], column)), shape=(n, int(column.max(initial=-1)) + 1))
    shared = (table @ table.T).tocoo()
    hit = (shared.data >= alike) & (shared.col < shared.row)
    matched = np.zeros(n, dtype=bool)
    matched[shared.row[hit]] = True
    return matched


def enough(columns: int, window: int) -> int:
    """How many hashes must be shared by rows of so many columns."""
    return min(ALIKE, max(1, (columns - window + 2) // 2))
