"""What a detector is: it learns what honest traffic looks like, marks rows, and reads the sketches that the marks fall into.

A detector's work, in order:

    fitted = detector.fit(rows)              what is ordinary, from honest rows; None where it has no say about this model
    marks  = fitted.marks(rows)              what each row adds, by sketch
    sketch.fold(state, owners, marks)        the state of each account: mergeable, a few kilobytes
    values = fitted.read(states, counts)     the detector's own number for each account; larger is stranger

Nothing here judges: p-values, fusion and evidence are calibration's (calibrate.py, evidence.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch, State

States = Mapping[str, State]
"""The states of a detector's sketches by name, all of the same owners."""


class Purpose(StrEnum):
    """What a red flag points at."""

    EXTRACTION = "extraction"
    PROBING = "probing"  # adversarial examples are looked for: the boundary around one input, not the whole boundary
    INSTRUCTIONS = "instructions"  # the system prompt is looked for, or talked away
    MEMORY = "memory"  # training text is looked for that the model knows by heart


class Fitted(Protocol):
    """A detector that knows what is ordinary for one model. A frozen dataclass of arrays, numbers and texts."""

    def sketches(self) -> Mapping[str, Sketch]:
        """What an account's state consists of, by name."""
        ...

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """What each row adds to each sketch, shape (n, ...) each. Depends on the row alone, never on other rows."""
        ...

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The reading of each account, shape (accounts,); NaN where it says nothing. ``counts`` are their rows."""
        ...

    def explain(self, states: States, counts: IntArray) -> str:
        """The reading of a single account in words that a person understands, with its numbers."""
        ...


class Detector(Protocol):
    """One red flag."""

    @property
    def name(self) -> str:
        """The name in the registry, in reasons and in reports."""
        ...

    @property
    def purpose(self) -> Purpose:
        """What it points at."""
        ...

    @property
    def meaning(self) -> str:
        """One sentence for people: what a high reading means."""
        ...

    def fit(self, rows: Rows) -> Fitted | None:
        """The detector for this model; None where the traffic has nothing that it looks at."""
        ...
