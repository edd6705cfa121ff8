"""Why an account stands where it stands: its signs, beside those of honest accounts with the same number of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from moatkeeper.core.judgement import Standing
from moatkeeper.patterns.calibration import Calibration, Checkpoint
from moatkeeper.patterns.cases import Case, Looked
from moatkeeper.patterns.fusion import SHOULDER, Fusion
from moatkeeper.patterns.watch import name_of

MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Sign:
    """One detector's reading of the account, and of honest accounts at the same number of rows.

    ``one_in``: of so many honest accounts one reads as much. ``words`` are empty where the detector says nothing now.
    """

    detector: str
    reading: float
    honest_middle: float
    honest_edge: float  # nineteen of twenty honest accounts read less
    one_in: float
    words: str


@dataclass(frozen=True, slots=True)
class AtModel:
    """What is known of the account at one model. ``signs`` are those of its strangest look, strangest first.

    ``comparable`` is False where the calibration of then is not there: then only the looks can be told.
    """

    model: str
    rows: int
    evidence: float
    looks: tuple[Looked, ...]
    strangest: int  # rows at the strangest look; 0: there was none
    honest_accounts: int
    signs: tuple[Sign, ...]
    comparable: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is told about an account. ``pending`` and ``history`` are in words, ``examples`` as they were logged."""

    account: str
    standing: Standing
    evidence: float
    models: tuple[AtModel, ...]
    pending: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    examples: tuple[Mapping[str, object], ...] = field(default=())


def at_model(model: str, case: Case, calibrations: Mapping[str, Calibration]) -> AtModel:
    """What a case says, beside the calibration that it was judged by, if that is there."""
    calibration = calibrations.get(model) or calibrations.get("")
    known = calibration if calibration is not None and name_of(calibration) == case.calibration else None
    strange = min(case.looks, key=lambda look: (look.p_value, -look.rows), default=None)
    checkpoint = known.at(strange.rows) if known is not None and strange is not None else None
    signs: tuple[Sign, ...] = ()
    if known is not None and strange is not None and checkpoint is not None:
        signs = tuple(sorted(_signs(known, checkpoint, strange, case), key=lambda sign: -sign.one_in))
    return AtModel(
        model,
        case.rows,
        case.evidence,
        case.looks,
        0 if strange is None else strange.rows,
        0 if checkpoint is None else len(checkpoint.honest),
        signs,
        checkpoint is not None,
    )


def _signs(calibration: Calibration, checkpoint: Checkpoint, look: Looked, case: Case) -> Sequence[Sign]:
    profile, fusion = calibration.profile, checkpoint.fusion
    rarities = fusion.rarities(np.array([look.readings]))[0]
    least = 1 / (len(checkpoint.honest) + 1)
    found = []
    for column, name in enumerate(profile.detectors):
        reading = look.readings[column]
        if not math.isfinite(reading):
            continue
        share = max(math.exp(-float(rarities[column])), least)
        # What a detector says in words is of now: the sketches of then have gone on.
        words = profile.explain(name, case.states, np.array([case.rows])) if share <= SHOULDER else ""
        middle, edge = _quantile(fusion, column, MIDDLE), _quantile(fusion, column, SHOULDER)
        found.append(Sign(name, reading, middle, edge, 1 / share, words))
    return found


def _quantile(fusion: Fusion, column: int, above: float) -> float:
    """The reading of a detector that a share of honest accounts exceeds."""
    return float(np.interp(1 - above, 1 - fusion.above, fusion.quantiles[column]))


def document(explanation: Explanation) -> dict[str, object]:
    """The explanation as JSON values."""
    return {
        "account": explanation.account,
        "standing": explanation.standing.value,
        "evidence": explanation.evidence,
        "pending": list(explanation.pending),
        "history": list(explanation.history),
        "models": [
            {
                "model": one.model,
                "rows": one.rows,
                "evidence": one.evidence,
                "looks": [
                    {"rows": look.rows, "at": look.at, "p_value": look.p_value, "evidence": look.evidence} for look in one.looks
                ],
                "strangest_look": one.strangest,
                "honest_accounts": one.honest_accounts,
                "signs": [
                    {
                        "detector": sign.detector,
                        "reading": sign.reading,
                        "honest_middle": sign.honest_middle,
                        "honest_edge": sign.honest_edge,
                        "one_honest_account_in": sign.one_in,
                        "words": sign.words,
                    }
                    for sign in one.signs
                ],
            }
            for one in explanation.models
        ],
        "examples": list(explanation.examples),
    }
