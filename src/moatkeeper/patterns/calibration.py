"""Calibration: what honest accounts look like at each number of rows, so that a reading becomes a rank among them.

Accounts, never rows, are dealt into three parts that see nothing of each other: one teaches the detectors what is ordinary, one
shows how rare each reading is, and one, the guard, is only ranked against. What the guard promises holds for accounts that are
exchangeable with its own: the next honest customers, if they come from where these came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.checkpoints import CHECKPOINTS, Reached, readings_at_checkpoints
from moatkeeper.patterns.drift import Usual
from moatkeeper.patterns.evidence import Calibrator
from moatkeeper.patterns.fusion import Fusion
from moatkeeper.patterns.history import History
from moatkeeper.patterns.packing import pack, packable, unpack
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.registry import DETECTORS, HABITS
from moatkeeper.patterns.screening import MOST_LEFT_OUT, ROUNDS, Suspect, suspects

LEARN, FUSE = 0.2, 0.4
"""Of all accounts: up to the first teach, up to the second show rarities, all others guard."""
LEAST_GUARDS = 20
"""Accounts below which a checkpoint is not looked at."""


class Gathered(NamedTuple):
    """Accounts (numbers, shape (n,)) that reached a checkpoint, with their readings, shape (n, detectors)."""

    accounts: IntArray
    readings: FloatArray


class Look(NamedTuple):
    """What one checkpoint says about accounts: scores, p-values, evidence, shape (n,) each, and rarities (n, detectors)."""

    scores: FloatArray
    p_values: FloatArray
    evidence: FloatArray
    rarities: FloatArray


@packable
@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The honest accounts at one number of rows. ``honest`` are the guard's scores in ascending order."""

    rows: int
    fusion: Fusion
    honest: FloatArray
    calibrator: Calibrator
    usual: Usual

    def look(self, readings: FloatArray) -> Look:
        """What readings of shape (n, detectors) at exactly this number of rows mean."""
        scores = self.fusion.scores(readings)
        p_values = self.calibrator.p_values(self.honest, scores)
        return Look(scores, p_values, self.calibrator.evidence(p_values), self.fusion.rarities(readings))


@packable
@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that is needed to judge accounts of one model; ``checkpoints`` ascend in rows."""

    profile: Profile
    checkpoints: tuple[Checkpoint, ...]
    accounts: int  # honest accounts in all
    left_out: int = 0  # suspects that were kept out of them
    history: History | None = None  # what tests for rings compare with

    @classmethod
    def fit(
        cls, model: str, batch: Batch, detectors: Mapping[str, Detector] = DETECTORS, *, without: frozenset[str] = frozenset()
    ) -> Self:
        """From the rows of honest accounts; raises CalibrationError where there are too few of either.

        ``without`` names accounts that somebody keeps out: suspects, known thieves, one's own tests.
        """
        everyone = len(batch.names)
        if without:
            batch = batch.of_accounts(np.array([name not in without for name in batch.names], dtype=bool))
        place = account_places(batch.names)
        guard = place >= FUSE
        if np.count_nonzero(guard) < LEAST_GUARDS:
            raise _too_few(batch, guard)
        profile = Profile.fit(model, batch.of_accounts(place < LEARN), detectors)
        fused = batch.of_accounts((place >= LEARN) & ~guard)
        checkpoints = _checkpoints(_gathered(profile, fused), _gathered(profile, batch.of_accounts(guard)))
        if not checkpoints:
            raise _too_few(batch, guard)
        history = History.fit(profile, batch.of_accounts(guard), batch)
        return cls(profile, checkpoints, len(batch.names), everyone - len(batch.names), history)

    @classmethod
    def screened(cls, model: str, batch: Batch, detectors: Mapping[str, Detector] = DETECTORS) -> Screened:
        """The calibration without its suspects, at most MOST_LEFT_OUT of all accounts, and who they were."""
        found: dict[str, Suspect] = {}
        most = int(MOST_LEFT_OUT * len(batch.names))
        calibration = cls.fit(model, batch, detectors)
        for _ in range(ROUNDS):
            fresh = {name: one for name, one in calibration.suspects(batch).items() if name not in found}
            ordered = sorted(fresh, key=lambda name: -fresh[name].score)[: max(most - len(found), 0)]
            if not ordered:
                break
            found |= {name: fresh[name] for name in ordered}
            calibration = cls.fit(model, batch, detectors, without=frozenset(found))
        return Screened(calibration, found)

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of rows at which accounts are looked at."""
        return tuple(checkpoint.rows for checkpoint in self.checkpoints)

    @property
    def least_alpha(self) -> float:
        """The smallest false-alarm bound for life that an account can be named under; with more accounts it falls."""
        return 1 / sum(checkpoint.calibrator.most for checkpoint in self.checkpoints)

    def at(self, rows: int) -> Checkpoint | None:
        """The checkpoint at exactly so many rows."""
        return next((checkpoint for checkpoint in self.checkpoints if checkpoint.rows == rows), None)

    def suspects(self, batch: Batch) -> dict[str, Suspect]:
        """Accounts of a batch that do not fit among its others, by name, each where it is strangest."""
        found: dict[str, Suspect] = {}
        habits = np.array([name in HABITS for name in self.profile.detectors], dtype=bool)
        for rows, (accounts, readings) in _gathered(self.profile, batch).items():
            checkpoint = self.at(rows)
            if checkpoint is None:
                continue
            asked = np.where(habits, np.nan, readings)
            for one in suspects(rows, accounts, checkpoint.fusion.robust_scores(asked)):
                known = found.get(batch.names[one.account])
                if known is None or one.score > known.score:
                    found[batch.names[one.account]] = one
        return found

    def to_bytes(self) -> bytes:
        """The calibration as a file's content."""
        return pack(self)

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> Self:
        """The calibration of a file; raises CalibrationError that names ``source``."""
        return unpack(content, cls, source)


class Screened(NamedTuple):
    """A calibration and the suspects that were left out of it."""

    calibration: Calibration
    suspects: Mapping[str, Suspect]


def account_places(names: tuple[str, ...]) -> FloatArray:
    """Where in [0, 1) each account is dealt, by a hash of its name: the same in every run, unknown to nobody who looks."""
    digests = b"".join(
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, person=b"calibration").digest() for name in names
    )
    return np.frombuffer(digests, dtype=np.uint64) / 2.0**64


def _gathered(profile: Profile, batch: Batch) -> dict[int, Gathered]:
    """The readings of all accounts by checkpoint."""
    parts: dict[int, list[Reached]] = {}
    for reached in readings_at_checkpoints(profile, batch):
        parts.setdefault(reached.rows, []).append(reached)
    return {
        rows: Gathered(np.concatenate([one.accounts for one in found]), np.concatenate([one.readings for one in found]))
        for rows, found in parts.items()
    }


def _checkpoints(fused: Mapping[int, Gathered], guards: Mapping[int, Gathered]) -> tuple[Checkpoint, ...]:
    kept = [rows for rows in CHECKPOINTS if _size(guards, rows) >= LEAST_GUARDS and _size(fused, rows) >= LEAST_GUARDS // 2]
    # More weight where more honest accounts stand guard: a weight is wasted where no rank is rare enough.
    sizes: IntArray = np.array([_size(guards, rows) for rows in kept], dtype=np.int64)
    found = []
    for rows, weight in zip(kept, sizes / max(int(sizes.sum()), 1), strict=True):
        fusion = Fusion.fit(fused[rows].readings)
        readings = guards[rows].readings
        honest = np.sort(fusion.scores(readings))
        found.append(
            Checkpoint(rows, fusion, honest, Calibrator(len(honest), float(weight)), Usual.fit(fusion.quantiles, readings))
        )
    return tuple(found)


def _size(gathered: Mapping[int, Gathered], rows: int) -> int:
    found = gathered.get(rows)
    return 0 if found is None else len(found.accounts)


def _too_few(batch: Batch, guard: npt.NDArray[np.bool_]) -> CalibrationError:
    return CalibrationError(
        f"found {len(batch.names)} honest accounts, of which {int(np.count_nonzero(guard))} guard; expected at least "
        f"{LEAST_GUARDS} guards with {CHECKPOINTS[0]} rows each",
        hint="let the shadow period run longer, or import an older log",
    )
