"""One detector read over the accounts of a batch, as calibration reads it."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.profile import Profile


def profile_of(detector: Detector, honest: Batch) -> Profile:
    """What one detector finds ordinary."""
    return Profile.fit("model", honest, {detector.name: detector})


def readings(profile: Profile, batch: Batch) -> FloatArray:
    """The reading of each account over all of its rows, shape (accounts,)."""
    states = profile.empty(len(batch.names))
    profile.fold(states, batch.accounts, profile.marks(profile.rows(batch)))
    counts = np.bincount(batch.accounts, minlength=len(batch.names))
    return profile.read(states, counts)[:, 0]


def words(profile: Profile, batch: Batch) -> str:
    """What the detector says about the only account of a batch."""
    states = profile.empty(1)
    profile.fold(states, batch.accounts, profile.marks(profile.rows(batch)))
    return profile.explain(profile.detectors[0], states, np.array([len(batch)]))


def silent(detector: Detector, honest: Batch) -> bool:
    """Whether the detector has no say about such traffic."""
    return not profile_of(detector, honest).detectors
