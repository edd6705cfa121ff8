"""Too few accounts to calibrate: they are put in an order, the strangest first, and nobody is accused."""

from __future__ import annotations

import numpy as np

from moatkeeper.hunt.judging import signals
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.checkpoints import Reached, readings_at_checkpoints
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.fusion import Fusion
from moatkeeper.patterns.profile import Profile

LEAST_ACCOUNTS = 3
"""At a checkpoint, below which even an order says nothing."""


def ranked(model: str, batch: Batch, most: int) -> list[Finding]:
    """The accounts whose readings are the strangest among the others at the same number of rows; raises CalibrationError.

    Everybody is compared with a group that they belong to themselves, so there is no p-value and no evidence.
    """
    profile = Profile.fit(model, batch)
    by_rows: dict[int, list[Reached]] = {}
    for reached in readings_at_checkpoints(profile, batch):
        by_rows.setdefault(reached.rows, []).append(reached)
    best: dict[int, tuple[float, Finding]] = {}
    for rows, parts in by_rows.items():
        readings = np.concatenate([part.readings for part in parts])
        if len(readings) < LEAST_ACCOUNTS:
            continue
        fusion, least = Fusion.fit(readings), 1 / (len(readings) + 1)
        for part in parts:
            scores, rarities = fusion.scores(part.readings), fusion.rarities(part.readings)
            for place, account in enumerate(part.accounts.tolist()):
                if account in best and scores[place] <= best[account][0]:
                    continue
                said = signals(profile, part, place, rarities[place], least)
                last = float(batch.at[batch.accounts == account].max())
                finding = Finding(batch.names[account], model, last, rows, float("nan"), 0.0, said, ranks_only=True)
                best[account] = (float(scores[place]), finding)
    order = sorted(best.values(), key=lambda pair: -pair[0])
    return [finding for _, finding in order[:most]]
