"""Single turns: conversations that end after one question, more of them than customers have who converse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.shares import Share
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

_SORTS = 2  # first turns, and later ones


@packable
@dataclass(frozen=True, slots=True)
class FittedSingleTurn:
    """The share of first turns of honest accounts."""

    share: Share

    def sketches(self) -> Mapping[str, Sketch]:
        """How many first and later turns."""
        return {"turns": Counts(_SORTS)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """0 for a first turn, 1 for a later one."""
        return {"turns": _sorts(rows)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of first turns in standard deviations between honest accounts."""
        turns = states["turns"].astype(np.float64)
        return self.share.excess(turns[:, 0], turns.sum(axis=1))

    def explain(self, states: States, counts: IntArray) -> str:
        """How many questions began a conversation."""
        first, later = states["turns"][0].tolist()
        return (
            f"{first} of {first + later} questions began a conversation; of honest customers' {100 * self.share.mean:.0f} % do"
        )


@dataclass(frozen=True, slots=True)
class SingleTurn:
    """The detector, before it knows a model."""

    name: str = "single-turn"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "never goes on with a conversation, as a harvest of answers does not"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the log does not know of turns, or nobody ever went on."""
        sorts = _sorts(rows)[:, 0]
        if not np.any(sorts == 1):
            return None
        _, owners = np.unique(rows.batch.accounts, return_inverse=True)
        first = np.bincount(owners, weights=sorts == 0).astype(np.float64)
        return FittedSingleTurn(Share.fit(first, np.bincount(owners, weights=sorts >= 0).astype(np.float64)))


def _sorts(rows: Rows) -> IntArray:
    turns = rows.batch.turns
    if turns is None:
        return np.full((len(rows), 1), -1, dtype=np.int64)
    return np.where(turns > 1, 1, np.where(turns == 1, 0, -1)).astype(np.int64)[:, None]
