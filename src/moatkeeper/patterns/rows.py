"""Rows as detectors see them: any input in the same few coordinates, any answer as a class and a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.wording import Wording

CodeArray = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Rows:
    """n encoded rows of a batch, computed once for all detectors.

    Columns of a table are their own coordinates; images and embeddings are projected, texts hashed and projected
    (encoder.py). ``codes`` are quantised coordinates in [0, levels), where ``levels - 2`` stands for a value that honest
    traffic never had and ``levels - 1`` for a missing one. ``odd`` says which coordinates are impossible for an honest row:
    a category never seen, a fraction where all were whole numbers, a value outside all bounds.
    """

    batch: Batch
    codes: CodeArray  # (n, c)
    points: npt.NDArray[np.float32]  # (n, c): standardised, within a few units of 0; 0 where missing
    odd: npt.NDArray[np.bool_]  # (n, c)
    cells: IntArray  # (n,): the region of the input space, in [0, cells of the encoder)
    exact: HashArray  # (n,): the same for the same input and, in practice, for no other; from 0 up
    labels: IntArray  # (n,): the predicted class in [0, classes of the encoder), -1 where there is none
    margins: FloatArray  # (n,): how far the best class leads; NaN where the model says no scores
    levels: int
    cell_count: int
    classes: int
    wording: Wording | None = None  # of the texts, where there are texts
    framing: Wording | None = None  # of the distinct ``systems``, where there are any
    framed: IntArray | None = None  # (n,): which of these stands before a row's text
    rest: FloatArray | None = None  # (n,): how much of a projected input the coordinates leave out, from 0 up

    def __len__(self) -> int:
        return len(self.exact)
