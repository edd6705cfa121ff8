"""Real victims for thefts of rows: models of scikit-learn on its own data sets, and the answers that an API gives of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of

SEED = 0
UNIFORM_ROWS = 2_000
POOL_SHARE = 0.4  # of the rows that are not held out
TREE_POOL_SHARE = 0.15  # leaves more rows to grow a tree on, nearly as large as the reference's
FEWEST_IN_A_LEAF = 5  # of the reference's trees

Model = Callable[[FloatArray], FloatArray]


class Asked:
    """A model's API: exact scores, or rounded to ``decimals``; labels only (one-hot) at 0. Counts the rows it answered."""

    spent = Expenses()

    def __init__(self, model: Model, decimals: int | None = None) -> None:
        self.rows = 0
        self._model = model
        self._decimals = decimals

    def ask(self, rows: FloatArray) -> FloatArray:
        self.rows += len(rows)
        scores = self._model(rows)
        if self._decimals is None:
            return scores
        if self._decimals == 0:
            one_hot: FloatArray = np.eye(scores.shape[1])[scores.argmax(axis=1)]
            return one_hot
        rounded: FloatArray = np.round(scores, self._decimals)
        return rounded


class Dice:
    """Answers at random, as a model would that has nothing to steal."""

    spent = Expenses()

    def __init__(self, outputs: int) -> None:
        self._rng = np.random.default_rng(5)
        self._outputs = outputs

    def ask(self, rows: FloatArray) -> FloatArray:
        return self._rng.dirichlet(np.ones(self._outputs), size=len(rows))


@dataclass(frozen=True, slots=True)
class Case:
    """One victim: the model, what its thief knows, and rows that neither has seen."""

    model: Model
    knowledge: RowKnowledge
    held_out: FloatArray

    @property
    def uniform(self) -> FloatArray:
        """Rows drawn uniformly between the documented ranges."""
        lowest, highest = self.knowledge.lowest, self.knowledge.highest
        return np.random.default_rng(99).uniform(lowest, highest, (UNIFORM_ROWS, len(lowest)))

    def fidelity(self, copy: Surrogate) -> float:
        """The share of held-out rows on which copy and model decide alike."""
        return agreement(copy, self.model, self.held_out)

    def fidelity_uniform(self, copy: Surrogate) -> float:
        """The same of uniform rows."""
        return agreement(copy, self.model, self.uniform)

    def constant_fidelity(self) -> float:
        """What the best constant answer is worth on the held-out rows."""
        counts = np.bincount(self.model(self.held_out).argmax(axis=1))
        return float(counts.max() / counts.sum())


def agreement(copy: Surrogate, model: Model, rows: FloatArray) -> float:
    return float(np.mean(copy.scores(rows).argmax(axis=1) == model(rows).argmax(axis=1)))


@cache
def linear(name: str) -> Case:
    """Logistic regression on standardised columns; ``digits`` on pixels between -1 and 1, as in the reference."""
    rows, labels = _data(name)
    return _case(LogisticRegression(max_iter=5_000), _scaled(name, rows), labels)


@cache
def one_vs_rest(name: str) -> Case:
    """A logistic regression for each class, renormalised."""
    rows, labels = _data(name)
    return _case(OneVsRestClassifier(LogisticRegression(max_iter=5_000)), _scaled(name, rows), labels)


@cache
def tree(name: str) -> Case:
    """A decision tree on columns as they are."""
    rows, labels = _data(name)
    return _case(DecisionTreeClassifier(min_samples_leaf=FEWEST_IN_A_LEAF, random_state=SEED), rows, labels, TREE_POOL_SHARE)


@cache
def regression_tree() -> Case:
    """A tree that predicts the progress of diabetes."""
    rows, values = datasets.load_diabetes(return_X_y=True)
    training, pool, held_out, known = _parts(rows, values, TREE_POOL_SHARE)
    model = DecisionTreeRegressor(min_samples_leaf=FEWEST_IN_A_LEAF, random_state=SEED).fit(training, known)
    knowledge = replace(_knowledge(rows, pool, 1), regression=True)
    return Case(lambda asked: model.predict(asked)[:, None], knowledge, held_out)


@cache
def kernel_machine() -> Case:
    """An RBF support vector machine that parts two crescents; its scores are the sigmoid of its margin."""
    rows, labels = datasets.make_moons(600, noise=0.2, random_state=1)
    training, pool, held_out, known = _parts(_scaled("moons", rows), labels)
    machine = SVC(C=10.0).fit(training, known)

    def scores(asked: FloatArray) -> FloatArray:
        positive = 1 / (1 + np.exp(-2 * machine.decision_function(asked)))
        return np.column_stack([1 - positive, positive])

    return Case(scores, _knowledge(_scaled("moons", rows), pool, 2), held_out)


@cache
def network() -> Case:
    """A network with 20 hidden units that parts two crescents."""
    rows, labels = datasets.make_moons(600, noise=0.2, random_state=1)
    return _case(MLPClassifier((20,), max_iter=3_000, random_state=SEED), _scaled("moons", rows), labels)


def different_answers(case: Case) -> int:
    """How many different answers a tree gives on many rows; it has as many leaves at least."""
    return len(np.unique(np.round(case.model(np.vstack([case.uniform, case.held_out])), 9), axis=0))


def _data(name: str) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    load = {
        "digits": datasets.load_digits,
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast cancer": datasets.load_breast_cancer,
    }[name]
    rows, labels = load(return_X_y=True)
    return rows, labels


def _scaled(name: str, rows: FloatArray) -> FloatArray:
    scaled: FloatArray = rows / 8.0 - 1.0 if name == "digits" else (rows - rows.mean(axis=0)) / rows.std(axis=0)
    return scaled


def _case(model: LogisticRegression, rows: FloatArray, labels: npt.NDArray[np.int64], pool_share: float = POOL_SHARE) -> Case:
    training, pool, held_out, known = _parts(rows, labels, pool_share)
    model.fit(training, known)
    return Case(model.predict_proba, _knowledge(rows, pool, len(np.unique(labels))), held_out)


def _knowledge(rows: FloatArray, pool: FloatArray, outputs: int) -> RowKnowledge:
    knowledge = knowledge_of(pool, outputs)
    fractions = np.zeros(rows.shape[1], dtype=bool)
    return replace(knowledge, lowest=rows.min(axis=0), highest=rows.max(axis=0), whole=fractions)


def _parts(
    rows: FloatArray, known: npt.NDArray[np.generic], pool_share: float = POOL_SHARE
) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.generic]]:
    """Training rows, the thief's pool, held-out rows, and what is known of the training rows."""
    rest, held_out, rest_known, _ = train_test_split(rows, known, test_size=0.3, random_state=SEED)
    training, pool, training_known, _ = train_test_split(rest, rest_known, test_size=pool_share, random_state=SEED)
    return training, pool, held_out, training_known
