"""The watch: exchanges go in, findings come out, and what is learned of each account stays in its case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Reading, Signal
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray, rank_in_account
from moatkeeper.patterns.calibration import Calibration, Checkpoint
from moatkeeper.patterns.cases import Case, Cases, Looked
from moatkeeper.patterns.evidence import RANKS_ABOVE
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.intake import batches
from moatkeeper.patterns.packing import digest
from moatkeeper.patterns.profile import AccountStates, Profile

EXPLAINED = 0.05
"""P-value up to which a finding's readings are put into words; most looks are at honest accounts, and words take time."""
MOST_SIGNALS = 5
_NAME = 16  # hexadecimal digits of a calibration's name


class Watch:
    """Calibrations by model name; the name ``""`` stands for every model that has none of its own.

    It never changes. The evidence against an account is the mean over all calibrated models, so that the bound on false alarms
    holds for the account however many models it uses. What an account asks of models without a calibration of their own is
    one case, under the name ``""``: callers choose the names, and must not split their rows or thin their evidence with them.
    """

    def __init__(self, calibrations: Mapping[str, Calibration]) -> None:
        self.calibrations = dict(calibrations)
        self._names = {model: name_of(one) for model, one in self.calibrations.items()}
        self._columns = {model: one.profile.columns for model, one in self.calibrations.items()}

    def calibration(self, model: str) -> Calibration | None:
        """The calibration that a model is judged by; None: it is not watched."""
        return self.calibrations.get(self._judged_as(model))

    def look(self, exchanges: Sequence[Exchange], cases: Cases) -> tuple[Finding, ...]:
        """Takes exchanges in, in order, and says what was found at every checkpoint that an account passed with them.

        Exchanges of models that are not watched, or of a form that the calibration does not know, change nothing.
        """
        columns = {exchange.query.model: self._columns_of(exchange.query.model) for exchange in exchanges}
        found: list[Finding] = []
        for model, parts in batches(exchanges, columns).items():
            calibration = self.calibration(model)
            if calibration is None:
                continue
            for batch in parts:
                if calibration.profile.encoder.fits(batch):
                    found += self._take(model, calibration, batch, cases)
        return tuple(found)

    def _judged_as(self, model: str) -> str:
        """The name under which a model is calibrated, and an account's case is kept."""
        return model if model in self.calibrations else ""

    def _columns_of(self, model: str) -> tuple[str, ...]:
        return self._columns.get(self._judged_as(model), ())

    def _take(self, model: str, calibration: Calibration, batch: Batch, cases: Cases) -> list[Finding]:
        profile, judged_as = calibration.profile, self._judged_as(model)
        held = [_begun(cases.case(judged_as, name), self._names[judged_as], profile) for name in batch.names]
        before = np.array([case.rows for case in held], dtype=np.int64)
        states = {part: np.concatenate([case.states[part] for case in held]) for part in held[0].states}
        places = before[batch.accounts] + rank_in_account(batch.accounts)
        after = before + np.bincount(batch.accounts, minlength=len(held))
        marking = profile.marks(profile.rows(batch))
        times = np.zeros(len(held))
        times[batch.accounts] = batch.at  # the last one of each account stays
        found: list[Finding] = []
        done = np.zeros(len(batch), dtype=bool)
        for checkpoint in calibration.checkpoints:
            passing = np.flatnonzero((before < checkpoint.rows) & (after >= checkpoint.rows))
            if not len(passing):
                continue
            due = ~done & (places < checkpoint.rows)
            profile.fold(states, batch.accounts, marking, np.flatnonzero(due))
            done |= due
            found += self._judge(model, calibration, checkpoint, states, passing, held, batch.names, times, cases)
        profile.fold(states, batch.accounts, marking, np.flatnonzero(~done))
        for number, (name, case) in enumerate(zip(batch.names, held, strict=True)):
            case.states = {part: state[number : number + 1].copy() for part, state in states.items()}
            case.rows = int(after[number])
            cases.keep(judged_as, name, case)
        return found

    def _judge(
        self,
        model: str,
        calibration: Calibration,
        checkpoint: Checkpoint,
        states: AccountStates,
        passing: IntArray,
        held: Sequence[Case],
        names: Sequence[str],
        times: FloatArray,
        cases: Cases,
    ) -> list[Finding]:
        chosen = {part: state[passing] for part, state in states.items()}
        counts = np.full(len(passing), checkpoint.rows)
        readings = calibration.profile.read(chosen, counts)
        look = checkpoint.look(readings)
        ranks_only = calibration.least_alpha > RANKS_ABOVE
        found = []
        for row, number in enumerate(passing.tolist()):
            case, name = held[number], names[number]
            _credit(case, checkpoint, float(look.evidence[row]))
            p_value, at = float(look.p_values[row]), float(times[number])
            case.looks += (Looked(checkpoint.rows, at, p_value, case.evidence, tuple(readings[row].tolist())),)
            own = {part: state[row : row + 1] for part, state in chosen.items()}
            words = p_value <= EXPLAINED
            signals = _signals(calibration, checkpoint, look.rarities[row], readings[row], own if words else None)
            evidence = self._evidence(cases, name, self._judged_as(model), case.evidence)
            found.append(Finding(name, model, at, checkpoint.rows, p_value, evidence, signals, ranks_only))
        return found

    def _evidence(self, cases: Cases, account: str, model: str, own: float) -> float:
        others = cases.evidence(account)
        return sum({**others, model: own}.values()) / max(len(self.calibrations), len({*others, model}))


def _begun(case: Case | None, calibration: str, profile: Profile) -> Case:
    """The case as it goes on; after a new calibration with empty sketches, no looks, and the evidence so far.

    Readings of an older calibration have another meaning, or are of other detectors.
    """
    if case is None:
        return Case(calibration, profile.empty(1))
    if case.calibration != calibration:
        return replace(case, calibration=calibration, states=profile.empty(1), rows=0, looks=())
    return case


def _credit(case: Case, checkpoint: Checkpoint, evidence: float) -> None:
    """Adds a look's evidence, as far as the checkpoint is a new one and the account's weights are not used up."""
    weight = checkpoint.calibrator.weight
    if checkpoint.rows <= case.passed or case.spent >= 1:
        return
    share = min(1.0, (1 - case.spent) / weight)
    case.evidence += share * evidence
    case.spent += share * weight
    case.passed = checkpoint.rows


def _signals(
    calibration: Calibration, checkpoint: Checkpoint, rarities: FloatArray, readings: FloatArray, states: AccountStates | None
) -> tuple[Signal, ...]:
    """The detectors that found something, strangest first."""
    profile, least = calibration.profile, 1 / (checkpoint.calibrator.accounts + 1)
    order = [column for column in np.argsort(-rarities).tolist() if rarities[column] > checkpoint.fusion.plain][:MOST_SIGNALS]
    signals = []
    for column in order:
        name = profile.detectors[column]
        reason = "" if states is None else profile.explain(name, states, np.array([checkpoint.rows]))
        p_value = max(float(np.exp(-rarities[column])), least)
        signals.append(Signal(Reading(name, float(readings[column]), reason), p_value))
    return tuple(signals)


def name_of(calibration: Calibration) -> str:
    """What a case calls the calibration that its sketches were made with: a digest of all that it holds.

    Not of its file: another compressor's bytes would let every account begin anew.
    """
    return digest(calibration)[:_NAME]
