"""Moatkeeper as a contestant: its detectors, fused as its calibration fuses them, at any number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.patterns.contestants import SILENT, Scorer, account_count
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.fusion import Fusion
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.registry import DETECTORS


@dataclass(frozen=True, slots=True)
class Moatkeeper:
    """All registered detectors, or those given."""

    name: str = "Moatkeeper"
    most_rows: int = 10**9
    timeless: bool = False
    detectors: Mapping[str, Detector] = field(default_factory=lambda: DETECTORS)

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer:
        """A profile, and by number of rows a fusion, from accounts that taught the detectors nothing."""
        return _Moatkeeper(Profile.fit("", honest, self.detectors), others, longer)


@dataclass(slots=True)
class _Moatkeeper:
    profile: Profile
    honest: Batch
    longer: Batch
    fusions: dict[int, Fusion] = field(default_factory=dict)

    @property
    def bytes_per_account(self) -> float:
        return float(sum(state.nbytes for state in self.profile.empty(1).values()))

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        self._prepare(looks)
        scores = np.full((account_count(batch), len(looks)), SILENT)
        for reached in readings_at_checkpoints(self.profile, batch, tuple(looks)):
            place = list(looks).index(reached.rows)
            scores[reached.accounts, place] = self.fusions[reached.rows].scores(reached.readings)
        return scores

    def _prepare(self, looks: Sequence[int]) -> None:
        short = len(self.honest) // max(1, account_count(self.honest))
        for batch, wanted in (
            (self.honest, [look for look in looks if look <= short and look not in self.fusions]),
            (self.longer, [look for look in looks if look > short and look not in self.fusions]),
        ):
            if wanted:
                for reached in readings_at_checkpoints(self.profile, batch, tuple(wanted)):
                    self.fusions[reached.rows] = Fusion.fit(reached.readings)
