"""Rows for attacks that scikit-learn carries: each set in three parts, so that victim, thief and judge share no row."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra, UsageError

NAMES = ("digits", "iris", "breast_cancer", "wine", "diabetes")
SEED = 20_260_102
"""Draws the parts; fixed, so that a victim trained on one day has not seen what it is judged on the other."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of shape (n, d) and their outcomes, shape (n,): class numbers, or values for ``diabetes``."""

    rows: FloatArray
    outcomes: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """A third of the rows each. The thief has the rows of ``pool``; only the harness has ``held_out``."""

    training: Part
    pool: Part
    held_out: Part


def builtin(name: str) -> Parts:
    """The parts of a set by its name; raises UsageError for an unknown one."""
    if name not in NAMES:
        raise UsageError(f"no builtin rows {name!r}", hint=f"There are {', '.join(NAMES)}.")
    try:
        datasets = import_module("sklearn.datasets")
    except ImportError as error:
        raise MissingExtra("builtin rows need scikit-learn", hint="pip install 'moatkeeper[redteam]'") from error
    rows, outcomes = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(rows))
    parts = (Part(rows[part].astype(np.float64), outcomes[part].astype(np.float64)) for part in np.array_split(order, 3))
    return Parts(*parts)
