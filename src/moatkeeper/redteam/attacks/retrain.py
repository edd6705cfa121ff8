"""Retraining: ask real rows, and once they run out mixtures of them, then fit a substitute to the answers.

Tramèr et al. 2016, section 4, call it black-box retraining. Deviations: the thief has rows of the right population (no labels),
fits log-odds rather than labels (of a regression the values), and does not adapt its queries, so every prefix of them is a
smaller theft. A thief without rows asks uniform ones.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.asking import uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.linear import Constant

SCORE_FLOOR = 0.005
"""Half the last place of two decimals: a rounded 0 or 1 becomes a finite log-odds, as good a guess as any."""
MIX = 0.7  # share of a mixture's fields from its first parent; nearer 1: closer to real rows, and less new


class _Regressor(Protocol):
    def fit(self, rows: FloatArray, targets: FloatArray) -> _Regressor: ...

    def predict(self, rows: FloatArray) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Substitute:
    """Boosted trees on the log-odds of each class against the rest."""

    regressors: tuple[_Regressor, ...]

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        with _one_thread():
            log_odds = np.column_stack([regressor.predict(rows) for regressor in self.regressors])
        odds = 1.0 / (1.0 + np.exp(-log_odds))
        if odds.shape[1] == 1:
            return np.column_stack([1.0 - odds, odds])
        return cast(FloatArray, odds / odds.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class ValueSubstitute:
    """Boosted trees on each value of a regression."""

    regressors: tuple[_Regressor, ...]

    def scores(self, rows: FloatArray) -> FloatArray:
        """Values, shape (n, k)."""
        with _one_thread():
            return np.column_stack([regressor.predict(rows) for regressor in self.regressors])


class Retrain:
    """Asks the rows of the thief's pool in random order, then mixtures of them."""

    name = "retrain"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._pool = knowledge.pool
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A substitute fitted to at most ``budget`` answers."""
        rows = self.queries(budget, rng)
        answers = victim.ask(rows)
        if self._knowledge.regression:
            return Loot(fit_values(rows[: len(answers)], answers))
        return Loot(fit_substitute(rows[: len(answers)], answers, self._knowledge.outputs))

    def queries(self, budget: int, rng: np.random.Generator) -> FloatArray:
        """The first ``budget`` rows of this generator's sequence, shape (budget, d); uniform ones for a thief without rows."""
        if len(self._pool) == 0:
            return uniform_rows(self._knowledge, rng, budget)
        real = self._pool[rng.permutation(len(self._pool))]
        if budget <= len(real):
            return real[:budget]
        made = [self._mixture(rng) for _ in range(budget - len(real))]
        return np.vstack([real, *made])

    def _mixture(self, rng: np.random.Generator) -> FloatArray:
        first, second = self._pool[rng.integers(len(self._pool), size=2)]
        return cast(FloatArray, np.where(rng.random(len(first)) < MIX, first, second))


def fit_substitute(rows: FloatArray, answers: FloatArray, outputs: int = 2) -> Surrogate:
    """The substitute for answers (n, k) on rows (n, d); a constant where there are too few answers to learn from."""
    if len(answers) < 2:
        return Constant((1.0,) + (0.0,) * (outputs - 1) if answers.size == 0 else tuple(answers[0]))
    columns = answers[:, 1:] if answers.shape[1] == 2 else answers
    clipped = np.clip(columns, SCORE_FLOOR, 1 - SCORE_FLOOR)
    targets = np.log(clipped / (1 - clipped))
    return Substitute(tuple(_fit(rows, target) for target in targets.T))


def fit_values(rows: FloatArray, values: FloatArray) -> Surrogate:
    """The substitute for values (n, k) of a regression; a constant where there are too few to learn from."""
    if len(values) < 2:
        return Constant((0.0,) if values.size == 0 else tuple(values[0]))
    return ValueSubstitute(tuple(_fit(rows, target) for target in values.T))


def _fit(rows: FloatArray, targets: FloatArray) -> _Regressor:
    """The thief's learner. Its settings were chosen on the demo's development rows, which no measured theft touches."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError as error:
        raise MissingExtra("the retraining attack needs scikit-learn", hint="pip install 'moatkeeper[demo]'") from error
    leaf = max(2, min(20, len(rows) // 20))
    regressor = HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=leaf, early_stopping=False, random_state=0
    )
    with _one_thread():
        return cast(_Regressor, regressor.fit(rows, targets))


def _one_thread() -> AbstractContextManager[object]:
    """Holds OpenMP to one thread: its threads spin while they wait, and on a busy machine two take ten times as long as one."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("the retraining attack needs scikit-learn", hint="pip install 'moatkeeper[demo]'") from error
    return cast(AbstractContextManager[object], threadpool_limits(1, user_api="openmp"))
