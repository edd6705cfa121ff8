"""Probabilities as normal scores, and hashes as chances: what the ring tests count in."""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.hashing import HashArray, mixed

LEAST = 1e-9
"""Probabilities are held to within this distance of 0 and 1: a score of 6."""
_TABLE = np.geomspace(LEAST, 0.5, 2_048)
_SCORES = np.array([-NormalDist().inv_cdf(float(p)) for p in _TABLE])
_LOGS = np.log(_TABLE)


def normal_scores(p_values: FloatArray) -> FloatArray:
    """How far above the mean, in standard deviations, a normal value of this upper-tail probability lies; NaN stays NaN."""
    tail = np.clip(np.minimum(p_values, 1 - p_values), LEAST, 0.5)
    size = np.interp(np.log(tail), _LOGS, _SCORES)
    return np.where(np.isnan(p_values), np.nan, np.where(p_values <= 0.5, size, -size))


def name_keys(names: tuple[str, ...]) -> HashArray:
    """A number from 0 up for each account, from its name alone: the same in every run, known to nobody who looks."""
    digests = b"".join(
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, person=b"rings").digest() for name in names
    )
    return (np.frombuffer(digests, dtype=np.uint64) >> np.uint64(1)).astype(np.int64)


def draws(keys: HashArray, purpose: int) -> FloatArray:
    """A chance in (0, 1) for each key, another one for each purpose, shape of ``keys``."""
    scattered: npt.NDArray[np.uint64] = mixed(keys.astype(np.uint64) + mixed(np.array([purpose + 1], dtype=np.uint64)))
    return np.asarray(((scattered >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)
