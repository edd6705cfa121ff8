"""What is ordinary for one model: an encoder and the detectors that have a say about it, with the states of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector, Fitted
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.distinct import EXACT, SEEN
from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Owners, Sketch, State

Marking = Mapping[str, Marks]
"""What rows add, by ``detector/sketch``."""
AccountStates = dict[str, State]
"""The states of accounts, by ``detector/sketch``; the first axis is the account."""


@packable
@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is learned from honest rows of one model. ``fitted`` is by detector name."""

    model: str
    columns: tuple[str, ...]
    encoder: Encoder
    fitted: Mapping[str, Fitted]

    @classmethod
    def fit(cls, model: str, batch: Batch, detectors: Mapping[str, Detector] = DETECTORS) -> Self:
        """From honest rows; raises CalibrationError where there are too few."""
        encoder = Encoder.fit(batch)
        rows = encoder.rows(batch)
        found = {name: detector.fit(rows) for name, detector in detectors.items()}
        return cls(model, batch.columns, encoder, {name: one for name, one in found.items() if one is not None})

    @property
    def detectors(self) -> tuple[str, ...]:
        """The names of the detectors, in the order of ``read``'s columns."""
        return tuple(self.fitted)

    def rows(self, batch: Batch) -> Rows:
        """The encoded rows; raises CalibrationError where they are of another kind than the honest ones."""
        return self.encoder.rows(batch)

    def marks(self, rows: Rows) -> Marking:
        """What each row adds to each sketch."""
        own = {f"{name}/{part}": marks for name, one in self.fitted.items() for part, marks in one.marks(rows).items()}
        return {EXACT: rows.exact[:, None], **own}

    def sketches(self) -> dict[str, Sketch]:
        """What an account's state consists of."""
        own = {f"{name}/{part}": sketch for name, one in self.fitted.items() for part, sketch in one.sketches().items()}
        return {EXACT: SEEN, **own}

    def empty(self, accounts: int) -> AccountStates:
        """The states of so many accounts who have asked nothing."""
        return {name: sketch.empty(accounts) for name, sketch in self.sketches().items()}

    def fold(self, states: AccountStates, owners: Owners, marking: Marking, chosen: IntArray | None = None) -> None:
        """Adds rows (only the ``chosen`` ones, if given) to the states of their owners, in place; owners has shape (n,)."""
        for name, sketch in self.sketches().items():
            marks = marking[name]
            if chosen is None:
                sketch.fold(states[name], owners, marks)
            else:
                sketch.fold(states[name], owners[chosen], marks[chosen])

    def merge(self, first: AccountStates, second: AccountStates) -> AccountStates:
        """The states of both, account by account."""
        return {name: sketch.merge(first[name], second[name]) for name, sketch in self.sketches().items()}

    def read(self, states: AccountStates, counts: IntArray) -> FloatArray:
        """The reading of every detector for every account, shape (accounts, detectors); NaN where one says nothing."""
        readings = [one.read(_of(states, name), counts) for name, one in self.fitted.items()]
        return np.stack(readings, axis=1) if readings else np.empty((len(counts), 0))

    def explain(self, name: str, states: AccountStates, counts: IntArray) -> str:
        """A detector's reading of a single account in words."""
        return self.fitted[name].explain(_of(states, name), counts)


def _of(states: AccountStates, name: str) -> dict[str, State]:
    ahead = f"{name}/"
    own = {key.removeprefix(ahead): state for key, state in states.items() if key.startswith(ahead)}
    return {EXACT: states[EXACT], **own}
