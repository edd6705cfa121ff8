"""One detector's readings of accounts after it has learned from honest ones, as calibration reads them."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.profile import AccountStates, Profile


def profile_of(detector: Detector, honest: Batch) -> Profile:
    """What one detector finds ordinary."""
    return Profile.fit("model", honest, {detector.name: detector})


def learned(detector: Detector, honest: Batch) -> Profile:
    """The same; ``ValueError`` where the detector has no say about the traffic."""
    profile = profile_of(detector, honest)
    if not profile.detectors:
        raise ValueError(f"{detector.name} has no say about this traffic")
    return profile


def silent(detector: Detector, honest: Batch) -> bool:
    """Whether the detector has no say about such traffic."""
    return not profile_of(detector, honest).detectors


def states_of(profile: Profile, batch: Batch) -> tuple[AccountStates, IntArray]:
    """The states of all accounts of a batch, and their rows."""
    states = profile.empty(len(batch.names))
    profile.fold(states, batch.accounts, profile.marks(profile.rows(batch)))
    return states, np.bincount(batch.accounts, minlength=len(batch.names))


def readings(profile: Profile, batch: Batch) -> FloatArray:
    """The reading of each account over all of its rows, shape (accounts,), of the only detector of a profile."""
    return profile.read(*states_of(profile, batch))[:, 0]


def explained(profile: Profile, batch: Batch) -> str:
    """The reading of the only account of a batch in words."""
    return profile.explain(profile.detectors[0], *states_of(profile, batch))
