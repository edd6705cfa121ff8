"""Accounts of a batch judged by a calibration: evidence over all checkpoints, and the strangest of them in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.judgement import Reading, Signal
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.checkpoints import Reached, readings_at_checkpoints
from moatkeeper.patterns.evidence import RANKS_ABOVE
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.fusion import PLAIN
from moatkeeper.patterns.profile import Profile

MOST_SIGNALS = 3
"""Detectors that speak about one account."""


@dataclass(frozen=True, slots=True)
class Judged:
    """n accounts of a batch: ``looks`` counts the checkpoints at which each was compared."""

    evidence: FloatArray  # (n,)
    looks: IntArray  # (n,)
    p_values: FloatArray  # (n,): the smallest of each; NaN where it was not compared
    rows: IntArray  # (n,): the rows at which it was the strangest; 0 where it was not compared


class Judge:
    """Adds up the evidence against so many accounts while their readings pass by."""

    def __init__(self, calibration: Calibration, accounts: int) -> None:
        self._calibration = calibration
        self._evidence, self._p_values = np.zeros(accounts), np.full(accounts, np.nan)
        self._looks, self._rows = np.zeros(accounts, dtype=np.int64), np.zeros(accounts, dtype=np.int64)
        self._best = np.full(accounts, -np.inf)

    def passing(self, readings: Iterable[Reached]) -> Iterator[Reached]:
        """The same readings, judged, without the states that they were read from."""
        for reached in readings:
            checkpoint = self._calibration.at(reached.rows)
            if checkpoint is not None:
                look, there = checkpoint.look(reached.readings), reached.accounts
                self._evidence[there] += look.evidence
                self._looks[there] += 1
                self._rows[there[look.scores > self._best[there]]] = reached.rows
                self._best[there] = np.maximum(self._best[there], look.scores)
                self._p_values[there] = np.fmin(self._p_values[there], look.p_values)
            yield reached._replace(states={})

    @property
    def judged(self) -> Judged:
        """What all that has passed comes to."""
        return Judged(self._evidence, self._looks, self._p_values, self._rows)


def explained(calibration: Calibration, batch: Batch, judged: Judged, chosen: IntArray) -> list[Finding]:
    """Findings on the chosen accounts, with what their strangest look showed in words."""
    wanted = np.zeros(len(batch.names), dtype=bool)
    wanted[chosen] = True
    part = batch.of_accounts(wanted)
    numbers = np.flatnonzero(wanted)
    last = np.zeros(len(part.names))
    last[part.accounts] = part.at  # of each account the last one stays
    found = []
    for reached in readings_at_checkpoints(calibration.profile, part, calibration.rows):
        checkpoint = calibration.at(reached.rows)
        if checkpoint is None:
            continue
        rarities = checkpoint.look(reached.readings).rarities
        for place, account in enumerate(reached.accounts.tolist()):
            number = int(numbers[account])
            if judged.rows[number] != reached.rows:
                continue
            least = 1 / (checkpoint.calibrator.accounts + 1)
            found.append(
                Finding(
                    part.names[account],
                    calibration.profile.model,
                    float(last[account]),
                    reached.rows,
                    float(judged.p_values[number]),
                    float(judged.evidence[number]),
                    signals(calibration.profile, reached, place, rarities[place], least),
                    calibration.least_alpha > RANKS_ABOVE,
                )
            )
    return found


def signals(profile: Profile, reached: Reached, place: int, rarities: FloatArray, least: float) -> tuple[Signal, ...]:
    """What the strangest detectors say of one account, strangest first; ``least`` is the smallest p-value there can be."""
    order = [column for column in np.argsort(-rarities).tolist() if rarities[column] > PLAIN][:MOST_SIGNALS]
    own = {name: state[place : place + 1] for name, state in reached.states.items()}
    counts = np.array([reached.rows])
    return tuple(
        Signal(
            Reading(
                profile.detectors[column],
                float(reached.readings[place, column]),
                profile.explain(profile.detectors[column], own, counts),
            ),
            max(float(np.exp(-rarities[column])), least),
        )
        for column in order
    )
