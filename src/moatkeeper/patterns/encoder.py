"""The encoder of one model's traffic: tables, images, embeddings and texts in the same coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.answers import Answers
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.columns import LEVELS, Columns
from moatkeeper.patterns.hashing import HashArray, number_hashes, text_hashes
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.projection import Axes, Fragments
from moatkeeper.patterns.regions import Regions
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.wording import Wording

WIDEST_TABLE = 64
"""Rows with more numbers than this are projected; up to it each column is looked at by itself."""
CELLS = 24
"""Regions of the input space; larger: finer comparisons, fewer honest rows in each."""
LEAST_ROWS = 200
"""Honest rows below which nothing can be learned."""
_SEED = 4


@packable
@dataclass(frozen=True, slots=True)
class Encoder:
    """How rows of one model become ``Rows``. ``axes`` for wide numbers, ``fragments`` for texts, neither for a table."""

    dimensions: int  # d of the inputs; 0 for texts
    axes: Axes | None
    fragments: Fragments | None
    columns: Columns
    regions: Regions
    answers: Answers

    @classmethod
    def fit(cls, batch: Batch) -> Self:
        """From honest rows; raises CalibrationError where there are too few, or neither numbers nor texts."""
        if len(batch) < LEAST_ROWS:
            raise CalibrationError(
                f"found {len(batch)} honest rows, expected at least {LEAST_ROWS}",
                hint="let the shadow period run longer, or import an older log",
            )
        rng = np.random.default_rng(_SEED)
        axes = fragments = None
        dimensions = 0
        if batch.inputs is not None:
            dimensions = batch.inputs.shape[1]
            axes = Axes.fit(batch.inputs, rng) if dimensions > WIDEST_TABLE else None
            numbers = batch.inputs if axes is None else axes.of(batch.inputs)
        elif batch.texts is not None:
            wording = Wording.of(batch.texts)
            fragments = Fragments.fit(wording)
            numbers = fragments.of(wording)
        else:
            raise CalibrationError("found neither numbers nor texts in the exchanges, expected what callers sent")
        columns = Columns.fit(numbers)
        _, points, _ = columns.encode(numbers)
        return cls(dimensions, axes, fragments, columns, Regions.fit(points, CELLS, rng), Answers.fit(batch))

    def rows(self, batch: Batch) -> Rows:
        """The encoded rows; raises CalibrationError where they are of another kind or width than the honest ones."""
        wording = None if batch.texts is None else Wording.of(batch.texts)
        numbers, exact = self._numbers(batch, wording)
        codes, points, odd = self.columns.encode(numbers)
        labels, margins = self.answers.read(batch)
        regions = self.regions
        cells = regions.of(points)
        rest = None if self.axes is None or batch.inputs is None else self.axes.rest(batch.inputs, numbers)
        shared = (LEVELS, regions.count, self.answers.classes, wording, *_framing(batch), rest)
        return Rows(batch, codes, points, odd, cells, exact, labels, margins, *shared)

    def fits(self, batch: Batch) -> bool:
        """Whether ``rows`` can encode a batch."""
        if self.fragments is not None:
            return batch.texts is not None
        return batch.inputs is not None and batch.inputs.ndim == 2 and batch.inputs.shape[1] == self.dimensions

    def _numbers(self, batch: Batch, wording: Wording | None) -> tuple[FloatArray, HashArray]:
        if not self.fits(batch):
            found = "texts" if batch.inputs is None else f"rows of {batch.inputs.shape[1:]} numbers"
            expected = "texts" if self.fragments is not None else f"rows of {self.dimensions} numbers"
            raise CalibrationError(
                f"found {found}, expected {expected} as in the calibration", hint="calibrate this model again"
            )
        if self.fragments is not None and batch.texts is not None and wording is not None:
            return self.fragments.of(wording), text_hashes(batch.texts)
        inputs = batch.inputs
        if inputs is None:  # ``fits`` has said otherwise; for the type checker
            return np.empty((0, 0)), np.empty(0, dtype=np.int64)
        return inputs if self.axes is None else self.axes.of(inputs), number_hashes(inputs)


def _framing(batch: Batch) -> tuple[Wording | None, IntArray | None]:
    """The wording of the distinct texts before the texts (callers repeat them in every request), and each row's."""
    if batch.systems is None:
        return None, None
    places: dict[str, int] = {}
    framed = [places.setdefault(system, len(places)) for system in batch.systems]
    return Wording.of(tuple(places)), np.array(framed, dtype=np.int64)
