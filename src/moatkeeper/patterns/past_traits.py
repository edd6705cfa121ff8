"""What past windows show about traits: the attribute cells and link groups that new ones are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import LEARN, Calibration, account_places
from moatkeeper.patterns.cells import CellHistory
from moatkeeper.patterns.links import LinkHistory
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.traits import Traits


@packable
@dataclass(frozen=True, slots=True)
class PastTraits:
    """The cells and groups of honest accounts."""

    cells: CellHistory
    links: LinkHistory

    @classmethod
    def fit(cls, calibration: Calibration, batch: Batch, traits: Mapping[str, Traits]) -> Self:
        """From the honest rows of the calibration, and their accounts' traits; CalibrationError without a history."""
        if calibration.history is None:
            raise CalibrationError("found a calibration without a history of windows, expected one that holds it")
        independent = batch.of_accounts(account_places(batch.names) >= LEARN)
        links = LinkHistory.fit(calibration.history, calibration.profile, independent, traits)
        return cls(CellHistory.fit(calibration.history, traits), links)
