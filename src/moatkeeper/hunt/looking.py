"""One part of the accounts looked at, in a process of its own: read, encoded, folded, ranked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moatkeeper.hunt.comparing import fold_of, load
from moatkeeper.hunt.judging import explained, judge
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.finding import Finding
from moatkeeper.store.logs.parts import PartJob, gathered

MOST_FOUND = 200
"""Findings that one part hands over: as many as people read, and all that are named beyond them are counted."""


@dataclass(frozen=True, slots=True)
class LookJob:
    """A part, and the files of the calibrations: one for all accounts, or for each fold that of the other."""

    part: PartJob
    calibrations: tuple[Path, ...]
    alpha: float


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
                _judge(batch.of_accounts(chosen), file, job.alpha, total)
    total.findings = sorted(total.findings, key=lambda finding: -finding.evidence)[:MOST_FOUND]
    return total


def _judge(batch: Batch, file: Path, alpha: float, total: Looked) -> None:
    calibration = load(file)
    if not calibration.profile.encoder.fits(batch):
        total.other_shape += len(batch)
        return
    judged = judge(calibration, batch)
    total.compared += int(np.count_nonzero(judged.looks))
    total.named += int(np.count_nonzero(judged.evidence >= 1 / alpha))
    order = np.argsort(-judged.evidence, kind="stable")[:MOST_FOUND]
    total.findings += explained(calibration, batch, judged, order[judged.looks[order] > 0])
