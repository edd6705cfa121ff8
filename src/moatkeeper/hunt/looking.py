"""One part of the accounts looked at, in a process of its own: read, encoded, folded, ranked."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moatkeeper.hunt.comparing import fold_of, load
from moatkeeper.hunt.judging import Judge, explained
from moatkeeper.hunt.windows import WindowKey, keep
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.window import windows_of
from moatkeeper.store.logs.parts import PartJob, gathered

MOST_FOUND = 200
"""Findings that one part hands over: as many as people read, and all that are named beyond them are counted."""


@dataclass(frozen=True, slots=True)
class LookJob:
    """A part, and the files of the calibrations: one for all accounts, or for each fold that of the other."""

    part: PartJob
    calibrations: tuple[Path, ...]
    alpha: float
    windows: Path  # folder in which the windows are kept for the ring tests


@dataclass(slots=True)
class Looked:
    """What was seen in a part. ``findings`` are the strangest accounts, ``named`` how many reached the evidence."""

    accounts: int = 0
    rows: int = 0
    beyond: int = 0  # rows that come after those of an account that are looked at
    duplicates: int = 0
    compared: int = 0
    named: int = 0
    other_shape: int = 0  # rows that the calibration does not know how to read
    findings: list[Finding] = field(default_factory=list)
    windows: set[WindowKey] = field(default_factory=set)


def look(job: LookJob) -> Looked:
    """Looks at all accounts of a part."""
    total = Looked()
    for one in gathered(job.part):
        batch = one.batch
        total.accounts += len(batch.names)
        total.rows += int(one.totals.sum())
        total.beyond += int(one.totals.sum()) - len(batch)
        total.duplicates += one.duplicates
        folds = fold_of(batch.names)
        for number, file in enumerate(job.calibrations):
            # Each fold is judged by what the other one taught; a single calibration judges everybody.
            chosen = folds != number if len(job.calibrations) > 1 else np.ones(len(batch.names), dtype=bool)
            if chosen.any():
                _judge(batch.of_accounts(chosen), number, file, job, total)
    total.findings = sorted(total.findings, key=lambda finding: -finding.evidence)[:MOST_FOUND]
    return total


def _judge(batch: Batch, number: int, file: Path, job: LookJob, total: Looked) -> None:
    calibration = load(file)
    if not calibration.profile.encoder.fits(batch):
        total.other_shape += len(batch)
        return
    profile, history = calibration.profile, calibration.history
    judge = Judge(calibration, len(batch.names))
    readings = judge.passing(readings_at_checkpoints(profile, batch))
    if history is None:
        deque(readings, maxlen=0)
    else:
        for window, found in windows_of(profile, batch, job.part.heap.first_at, history.window_s, reached=readings):
            key = WindowKey(number, window)
            keep(job.windows, key, f"{job.part.part}-{total.accounts}", found)
            total.windows.add(key)
    judged = judge.judged
    total.compared += int(np.count_nonzero(judged.looks))
    total.named += int(np.count_nonzero(judged.evidence >= 1 / job.alpha))
    order = np.argsort(-judged.evidence, kind="stable")[:MOST_FOUND]
    total.findings += explained(calibration, batch, judged, order[judged.looks[order] > 0])
