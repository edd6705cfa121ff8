"""Keeps score of attacks: the attack asks through a meter, and hands over a copy that is measured behind its back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import Attack, Surrogate, Victim


class Meter:
    """The only door between an attack and its victim: counts what was bought, stops at the budget, and can be shut.

    ``bought`` is kept over the rungs of one campaign: a row that was answered once is not paid for again.
    """

    def __init__(self, victim: Victim, budget: int, bought: dict[bytes, FloatArray]) -> None:
        self._victim = victim
        self._budget = budget
        self._bought = bought
        self._used: set[bytes] = set()
        self._unanswered = 0
        self._shut = False

    @property
    def queries(self) -> int:
        """Different rows that were answered."""
        return len(self._used)

    @property
    def unanswered(self) -> int:
        """Rows asked within the budget that the victim gave no answer to."""
        return self._unanswered

    @property
    def refused(self) -> int:
        """Requests that the victim refused so far."""
        return self._victim.refused

    def ask(self, rows: FloatArray) -> FloatArray:
        """Class scores (m, k) of the first m rows; m < n where the victim refused, or the budget ended."""
        if self._shut:
            raise MoatkeeperError("the victim was asked after the attack had ended")
        wanted = self._within_budget([row.tobytes() for row in rows])
        unknown = dict.fromkeys(key for key in wanted if key not in self._bought)
        first = {key: index for index, key in reversed(list(enumerate(wanted)))}
        if unknown:
            answers = self._victim.ask(rows[[first[key] for key in unknown]])
            self._bought.update(zip(unknown, answers, strict=False))
        answered = next((i for i, key in enumerate(wanted) if key not in self._bought), len(wanted))
        self._used.update(wanted[:answered])
        self._unanswered += len(wanted) - answered
        return np.array([self._bought[key] for key in wanted[:answered]])

    def _within_budget(self, keys: list[bytes]) -> list[bytes]:
        seen = set(self._used)
        for index, key in enumerate(keys):
            seen.add(key)
            if len(seen) > self._budget:
                return keys[:index]
        return keys

    def shut(self) -> frozenset[bytes]:
        """Ends the asking for good; gives the rows that were answered, as bytes."""
        self._shut = True
        return frozenset(self._used)


@dataclass(frozen=True, slots=True)
class Score:
    """How well a copy does; every figure is the harness's own count.

    ``fidelity`` is the share of held-out rows, none of which the attack asked, with the victim's decision; ``_uniform`` the
    same on inputs drawn uniformly between each column's extremes (Tramèr et al. 2016, section 2: 1 - R_test and 1 - R_unif).
    ``total_variation`` is the mean distance of the score vectors, in [0, 1]; ``accuracy`` the agreement with what came true.
    """

    budget: int
    queries: int
    unanswered: int
    fidelity: float
    fidelity_uniform: float
    total_variation: float
    accuracy: float

    @property
    def in_full(self) -> bool:
        """Whether the victim answered all that the attack asked, which may be less than its budget."""
        return self.unanswered == 0


@dataclass(frozen=True, slots=True)
class Judge:
    """What only the harness knows: held-out rows (n, d), the victim's own scores on them (n, k), and the outcomes (n,)."""

    rows: FloatArray
    truth: FloatArray
    outcomes: FloatArray
    uniform_rows: FloatArray
    uniform_truth: FloatArray

    def score(self, surrogate: Surrogate, *, budget: int, asked: frozenset[bytes], unanswered: int) -> Score:
        """The score of a copy on those held-out rows that are not among the ``asked``."""
        unseen = np.array([row.tobytes() not in asked for row in self.rows])
        if not unseen.any():
            raise MoatkeeperError("the attack asked every held-out row: nothing is left to measure it on")
        truth = self.truth[unseen]
        copied = _checked(surrogate.scores(self.rows[unseen]), truth.shape)
        uniform = _checked(surrogate.scores(self.uniform_rows), self.uniform_truth.shape)
        return Score(
            budget=budget,
            queries=len(asked),
            unanswered=unanswered,
            fidelity=agreement(copied, truth),
            fidelity_uniform=agreement(uniform, self.uniform_truth),
            total_variation=float(np.abs(copied - truth).sum(axis=1).mean() / 2),
            accuracy=float(np.mean(copied.argmax(axis=1) == self.outcomes[unseen])),
        )

    def constant_fidelity(self) -> float:
        """The fidelity of the best constant answer: what a copy is worth that knows nothing of its input."""
        counts = np.bincount(self.truth.argmax(axis=1))
        return float(counts.max() / counts.sum())


def agreement(copied: FloatArray, truth: FloatArray) -> float:
    """The share of rows with the same top class; both of shape (n, k)."""
    return float(np.mean(copied.argmax(axis=1) == truth.argmax(axis=1)))


def climb(attack: Attack, victim: Victim, judge: Judge, rungs: Sequence[int], seed: int) -> tuple[Score, ...]:
    """The scores of one campaign at a growing budget. The attack begins each rung anew with the same seed, so that what it
    knows at a rung is the rows bought so far and nothing else."""
    bought: dict[bytes, FloatArray] = {}
    scores = []
    for budget in rungs:
        meter = Meter(victim, budget, bought)
        loot = attack.run(meter, budget, np.random.default_rng(seed))
        asked = meter.shut()
        scores.append(judge.score(loot.surrogate, budget=budget, asked=asked, unanswered=meter.unanswered))
    return tuple(scores)


def _checked(scores: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if scores.shape != shape or not np.isfinite(scores).all():
        raise MoatkeeperError(f"a copy must give finite scores of shape {shape}; found shape {scores.shape}")
    return scores
