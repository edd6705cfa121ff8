"""The thefts: the same attack against the bare model server and through the gateway, with what each thief has to pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.demo.credit import Clients, Split
from moatkeeper.redteam.attacks.retrain import fit_substitute
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.harness import Score, baseline, climb
from moatkeeper.redteam.judges import ClassJudge, RowJudge
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.registry import ROW_ATTACKS
from moatkeeper.redteam.trade import ROWS
from moatkeeper.redteam.victims import HttpVictim

LADDER = (50, 100, 200, 500, 1000, 2000, 5000)
UNIFORM_ROWS = 2_000
OWN_OUTCOMES = 500  # labelled rows of a thief who lends money himself and needs no API
PRICE_PER_ROW_USD = 0.0001
"""An assumption: what Amazon's prediction API charged in Tramèr et al. 2016, table 7."""


@dataclass(frozen=True, slots=True)
class Thief:
    """A way in: an address, and for each repetition of the theft the keys of the accounts that it may use.

    ``rows_per_hour`` is what all its accounts together are sold; None: no limit.
    """

    id: str
    title: str
    url: str
    keys: tuple[tuple[str, ...], ...]
    rows_per_hour: int | None


@dataclass(frozen=True, slots=True)
class Prize:
    """A model that is to be stolen, the attack that suits it, and who judges the copies."""

    model: str
    attack: str
    judge: RowJudge


@dataclass(frozen=True, slots=True)
class Campaign:
    """A thief's scores, by repetition and rung."""

    thief: Thief
    scores: tuple[tuple[Score, ...], ...]

    def at(self, rung: int) -> tuple[Score, ...]:
        """The scores of all repetitions at one rung, counted from 0; -1 is the highest."""
        return tuple(repetition[rung] for repetition in self.scores)

    @property
    def fidelity(self) -> float:
        """At the highest rung, the mean of the repetitions."""
        return mean_fidelity(self.at(-1))

    @property
    def queries(self) -> int:
        """Rows answered at the highest rung, the most of the repetitions."""
        return max(score.queries for score in self.at(-1))

    @property
    def price_usd(self) -> float:
        """What the answered rows cost."""
        return self.queries * PRICE_PER_ROW_USD

    def hours_for(self, rows: int) -> float:
        """How long the limits make this thief wait for ``rows`` answers, computed and not waited for; 0 within one hour."""
        if self.thief.rows_per_hour is None:
            return 0.0
        # The first hour's allowance may be spent at once, and so may each later one at its beginning.
        return float(-(-rows // self.thief.rows_per_hour) - 1)


@dataclass(frozen=True, slots=True)
class WithoutApi:
    """What a thief gets who asks nobody: a constant, and the same learner on outcomes of clients of his own."""

    constant_fidelity: float
    own_outcomes: int
    own_outcomes_fidelity: float


def mean_fidelity(scores: Sequence[Score]) -> float:
    """The mean over repetitions."""
    return float(np.mean([score.fidelity for score in scores]))


def judge_of(client: PredictClient, held_out: Clients, seed: int) -> RowJudge:
    """The judge of one model, who asks the bare server for the truth; rows and uniform inputs are unknown to every thief."""
    lowest, highest = held_out.rows.min(axis=0), held_out.rows.max(axis=0)
    uniform = np.random.default_rng(seed).uniform(lowest, highest, (UNIFORM_ROWS, held_out.rows.shape[1]))
    truth = HttpVictim(client)
    outcomes = held_out.outcomes.astype(np.int64)
    judge = ClassJudge(ROWS, held_out.rows, truth.ask(held_out.rows), outcomes)
    return RowJudge(judge, uniform, truth.ask(uniform))


def steal(
    thief: Thief, prize: Prize, knowledge: RowKnowledge, rungs: Sequence[int], seeds: Sequence[int], done: Callable[[], None]
) -> Campaign:
    """One thief's campaigns, one for each seed, so that all thieves ask the same rows; ``done`` is called after each."""
    scores = []
    for seed, keys in zip(seeds, thief.keys, strict=True):
        with PredictClient(thief.url, prize.model) as client:
            attack = ROW_ATTACKS[prize.attack].make(knowledge)
            scores.append(climb(attack, HttpVictim(client, keys), prize.judge, ROWS, rungs, seed))
        done()
    return Campaign(thief, tuple(scores))


def without_api(parts: Split, judge: RowJudge) -> WithoutApi:
    """The baseline that every theft has to beat."""
    own = parts.pool[:OWN_OUTCOMES]
    scores = np.column_stack([1 - own.outcomes, own.outcomes])
    copy = fit_substitute(own.rows, scores)
    score = baseline(judge, copy)
    return WithoutApi(judge.constant_fidelity(), len(own.rows), score.fidelity)
