"""An example of every sketch: one line each, and the laws in tests/contracts cover it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import numpy as np

from moatkeeper.sketch.base import Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts
from moatkeeper.sketch.coverage import Coverage
from moatkeeper.sketch.extremes import Largest
from moatkeeper.sketch.fourier import Fourier
from moatkeeper.sketch.hours import Hours
from moatkeeper.sketch.moments import Moments
from moatkeeper.sketch.quantiles import Quantiles
from moatkeeper.sketch.registers import Registers
from moatkeeper.sketch.rhythm import Rhythm
from moatkeeper.sketch.sums import Sums


class Form(Enum):
    """What marks are made of, and what of it says nothing."""

    WHOLE = "whole numbers"  # positions and hashes; a negative one says nothing
    REAL = "real numbers"  # NaN says nothing


@dataclass(frozen=True, slots=True)
class Example:
    """A sketch, and the marks it takes: shape (n, width)."""

    sketch: Sketch
    form: Form
    width: int


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "bits": Example(Bits(maps=3, size=64), Form.WHOLE, 3),
        "counts": Example(Counts(40), Form.WHOLE, 2),
        "coverage": Example(Coverage(100), Form.WHOLE, 2),
        "fourier": Example(Fourier.drawn(3, 8, (0.5, 2.0), np.random.default_rng(1)), Form.REAL, 3),
        "hours": Example(Hours(), Form.REAL, 1),
        "largest": Example(Largest(5), Form.WHOLE, 5),
        "moments": Example(Moments(3), Form.REAL, 3),
        "quantiles": Example(Quantiles(0.001, 1e6), Form.REAL, 2),
        "registers": Example(Registers(6), Form.WHOLE, 2),
        "rhythm": Example(Rhythm(), Form.REAL, 1),
        "sums": Example(Sums(3), Form.REAL, 3),
    }
)
"""By the name of what they keep."""
