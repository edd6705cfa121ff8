"""What the accounts of a log are compared with: a calibration that was made before, or one half of the log with the other.

A log that is compared with itself gives up power, not honesty. Thieves in one half make theft look usual to the other: they are
missed more easily. But honest accounts of one half are exchangeable with those of the other, and whatever thieves are among
the latter only raises p-values, so the stated rate of false alarms holds for accounts of the same kinds of customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import CalibrationError, StoreError
from moatkeeper.hunt.attributes import traits_of
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.berk_jones import CUT
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.packing import pack, unpack
from moatkeeper.patterns.past_traits import PastTraits
from moatkeeper.patterns.registry import DETECTORS, HABITS
from moatkeeper.patterns.traits import Traits
from moatkeeper.patterns.window import window_numbers
from moatkeeper.store.logs.parts import PartJob, gathered, seen

FOLDS = 2
SAMPLED_ROWS = 80_000
"""Of a fold, that teach and guard; larger: smaller error rates can be stated, slower."""
SAMPLED_CELLS = 8_000_000
"""Numbers in those rows: of wide rows there are fewer."""
MOST_OF_ACCOUNT = 256
"""Rows of one account among them: a few large customers must not crowd out all others."""
MOST_LEFT_OUT = 0.5
"""Share of all windows that may be kept out as unlike the others; if more are, it is not clear which are the usual ones."""
_DIGEST = 8  # bytes


class SampleJob(NamedTuple):
    """One part of the accounts, of which a share is taken."""

    part: PartJob
    share: float


class Sample(NamedTuple):
    """Accounts with their first rows, and what is known of each beside."""

    batches: list[Batch]
    traits: dict[str, Traits]


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that a calibration is made of, the traits of their accounts, and the file in which it is kept."""

    model: str
    batch: Batch
    traits: Mapping[str, Traits]
    file: Path
    habits_only: bool = False  # the log says nothing of what was asked


class Fitted(NamedTuple):
    """What came of a fold: why there is no calibration, or stretches of time that were kept out of it, and of how many."""

    why: str = ""
    left_out: int = 0
    windows: int = 0


def sample(job: SampleJob) -> Sample:
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
    known = traits_of(seen(job.part.folder, job.part.part, job.part.memory_mb)) if found else {}
    names = {name for batch in found for name in batch.names}
    return Sample(found, {name: one for name, one in known.items() if name in names})


def share_of(rows: int, width: int) -> float:
    """The share of all accounts that is needed, of a log with so many rows of so many numbers."""
    return min(1.0, FOLDS * min(SAMPLED_ROWS, SAMPLED_CELLS / max(width, 1)) / max(rows, 1))


def fit(fold: Fold) -> Fitted:
    """Makes and keeps the calibration of a fold, and what its accounts have in common.

    Windows in which the global test for rings says that something is new are no honest past: where they are the lesser part
    of the log, the calibration is made again without their rows, so that a ring does not teach what is compared with it.
    """
    detectors = {name: one for name, one in DETECTORS.items() if name in HABITS or not fold.habits_only}
    try:
        calibration, batch = Calibration.fit(fold.model, fold.batch, detectors), fold.batch
        numbers, odd = odd_windows(calibration, batch)
        left_out = len(odd)
        if 0 < left_out <= MOST_LEFT_OUT * len(np.unique(numbers)):
            batch = batch.take(~np.isin(numbers, odd))
            calibration = Calibration.fit(fold.model, batch, detectors)
    except CalibrationError as error:
        return Fitted(error.message)
    if fold.habits_only:  # the tests for rings are of what was asked
        calibration = replace(calibration, history=None)
    fold.file.write_bytes(calibration.to_bytes())
    if fold.traits and not fold.habits_only:
        past_file(fold.file).write_bytes(pack(PastTraits.fit(calibration, batch, fold.traits)))
    return Fitted("", left_out, len(np.unique(numbers)))


def odd_windows(calibration: Calibration, batch: Batch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The window of each row of a calibration's own batch, shape (n,), and the windows that are unlike the others."""
    history = calibration.history
    if history is None or not len(batch):
        return np.zeros(len(batch), dtype=np.int64), np.empty(0, dtype=np.int64)
    numbers = window_numbers(batch.at, float(batch.at.min()), history.window_s)
    known = np.unique(history.windows)
    return numbers, known[(history.past > CUT).any(axis=1)]


def past_file(calibration: Path) -> Path:
    """Where what the accounts of a calibration have in common is kept beside it."""
    return calibration.with_name(calibration.name + "-traits")


@lru_cache(maxsize=4)
def load_past(calibration: Path) -> PastTraits | None:
    """What the accounts of a calibration have in common; None where nobody has kept it."""
    file = past_file(calibration)
    return unpack(file.read_bytes(), PastTraits, str(file)) if file.is_file() else None


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
