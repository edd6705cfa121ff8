"""What the accounts of a log are compared with: a calibration that was made before, or one half of the log with the other.

A log that is compared with itself gives up power, not honesty. Thieves in one half make theft look usual to the other: they are
missed more easily. But honest accounts of one half are exchangeable with those of the other, and whatever thieves are among
the latter only raises p-values, so the stated rate of false alarms holds for accounts of the same kinds of customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import CalibrationError, StoreError
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.store.logs.parts import PartJob, gathered

FOLDS = 2
SAMPLED_ROWS = 120_000
"""Of a fold, that teach and guard; larger: smaller error rates can be stated, slower."""
SAMPLED_CELLS = 8_000_000
"""Numbers in those rows: of wide rows there are fewer."""
MOST_OF_ACCOUNT = 1_024
"""Rows of one account among them: a few large customers must not crowd out all others."""
_DIGEST = 8  # bytes


class SampleJob(NamedTuple):
    """One part of the accounts, of which a share is taken."""

    part: PartJob
    share: float


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that a calibration is made of, and the file in which it is kept."""

    model: str
    batch: Batch
    file: Path


def sample(job: SampleJob) -> list[Batch]:
    """Whole accounts of a part, drawn by their names, with their first rows."""
    found = []
    for one in gathered(job.part):
        batch = one.batch
        taken = places(batch.names, "hunt-sample") < job.share
        if taken.any():
            batch = batch.of_accounts(taken)
            begins = np.searchsorted(batch.accounts, np.arange(len(batch.names)))
            ranks = np.arange(len(batch)) - begins[batch.accounts]  # rows of one account stand together
            found.append(batch.take(ranks < MOST_OF_ACCOUNT))
    return found


def share_of(rows: int, width: int) -> float:
    """The share of all accounts that is needed, of a log with so many rows of so many numbers."""
    return min(1.0, FOLDS * min(SAMPLED_ROWS, SAMPLED_CELLS / max(width, 1)) / max(rows, 1))


def fit(fold: Fold) -> str:
    """Makes and keeps the calibration of a fold; the empty text, or why there is none."""
    try:
        fold.file.write_bytes(Calibration.fit(fold.model, fold.batch).to_bytes())
    except CalibrationError as error:
        return error.message
    return ""


@lru_cache(maxsize=4)
def load(file: Path) -> Calibration:
    """The calibration in a file, read once a process; raises StoreError or CalibrationError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StoreError(f"{file}: found {error.strerror or error}, expected a calibration that can be read") from error
    return Calibration.from_bytes(content, str(file))


def fold_of(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """The fold in [0, FOLDS) of each account, by its name."""
    return (places(names, "hunt-fold") * FOLDS).astype(np.int64)


def places(names: Sequence[str], purpose: str) -> FloatArray:
    """Where in [0, 1) each account is dealt for a purpose, by a hash of its name, shape (n,)."""
    raw = b"".join(
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST, person=purpose.encode()).digest() for name in names
    )
    return np.frombuffer(raw, dtype=np.uint64) / 2.0**64
