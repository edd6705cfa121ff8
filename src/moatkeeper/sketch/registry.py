"""An example of every sketch: one line each, and the laws in tests/contracts cover it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from moatkeeper.sketch.base import Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts
from moatkeeper.sketch.extremes import Largest
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
        "largest": Example(Largest(5), Form.WHOLE, 5),
        "sums": Example(Sums(3), Form.REAL, 3),
    }
)
"""By the name of what they keep."""
