"""A detector's readings of accounts after it has learned from honest ones, and the law that states merge."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.profile import AccountStates, Profile


def learned(detector: Detector, honest: Batch) -> Profile:
    """What is ordinary to this detector alone; ``ValueError`` where it has no say about the traffic."""
    profile = Profile.fit("model", honest, {detector.name: detector})
    if not profile.detectors:
        raise ValueError(f"{detector.name} has no say about this traffic")
    return profile


def states_of(profile: Profile, batch: Batch) -> tuple[AccountStates, IntArray]:
    """The states of all accounts of a batch, and their rows."""
    states = profile.empty(len(batch.names))
    profile.fold(states, batch.accounts, profile.marks(profile.rows(batch)))
    return states, np.bincount(batch.accounts, minlength=len(batch.names))


def readings(profile: Profile, batch: Batch) -> FloatArray:
    """The reading of each account, shape (accounts,), of the only detector of a profile."""
    return profile.read(*states_of(profile, batch))[:, 0]


def explained(profile: Profile, batch: Batch) -> str:
    """The reading of the only account of a batch in words."""
    return profile.explain(profile.detectors[0], *states_of(profile, batch))
