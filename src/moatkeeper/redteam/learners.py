"""Learners of scikit-learn that thieves use, trees and kernels, and the choice between all forms of copy.

scikit-learn is imported when a learner is first used, so that attacks can be listed without it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.asking import Record
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.likelihoods import Candidate, Fit, choose, linear_candidates
from moatkeeper.redteam.linear import Constant, Frame, softmax, solve_values, uninformed
from moatkeeper.redteam.networks import fit_network
from moatkeeper.redteam.precision import Precision, centred_logarithms, distributions, precision_of

SOFT_FLOOR = 1e-6  # keeps the log-odds of unrounded scores within what a kernel can follow
RIDGE = 1e-6  # of kernel regression on scores
COST = 100.0  # of a support vector machine's errors on labels, which are no errors but the victim's word; larger: fits closer
WIDTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Kernel widths that are tried, in units of 1 / d on standardised columns (scikit-learn's "scale" is 1); larger: wigglier."""
KERNEL_ROWS = 2_500  # a kernel is fitted to so many rows at most, evenly spaced in time; its cost grows with their cube
MEMBERS = 5  # of a committee of trees
HIDDEN = (20, 50)
NETWORK_RIDGE = 1e-5
FEWEST_TO_COMPARE = 20


class _Regressor(Protocol):
    def fit(self, rows: FloatArray, targets: FloatArray) -> _Regressor: ...

    def predict(self, rows: FloatArray) -> FloatArray: ...


class _Classifier(Protocol):
    classes_: np.ndarray

    def fit(self, rows: FloatArray, labels: np.ndarray) -> _Classifier: ...

    def decision_function(self, rows: FloatArray) -> FloatArray: ...


class _Maker(Protocol):
    def __call__(self, **settings: object) -> object: ...


def _learner(module: str, name: str, **settings: object) -> object:
    try:
        maker = cast(_Maker, getattr(importlib.import_module(f"sklearn.{module}"), name))
    except ImportError as error:
        raise MissingExtra("this attack needs scikit-learn", hint="pip install 'moatkeeper[redteam]'") from error
    return maker(**settings)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a regressor says of rows (n, d), put into the shape of answers (n, k); logits become probabilities."""

    frame: Frame
    regressor: _Regressor
    logits: bool = False

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k)."""
        values = self.regressor.predict(self.frame.design(rows)).reshape(len(rows), -1)
        return softmax(values) if self.logits else values


@dataclass(frozen=True, slots=True)
class Machine:
    """A support vector machine on labels; a class that it never saw scores 0."""

    frame: Frame
    machine: _Classifier
    outputs: int

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k), rows summing to 1."""
        margins = self.machine.decision_function(self.frame.design(rows))
        if margins.ndim == 1:
            margins = np.column_stack([-margins, margins])
        found = np.zeros((len(rows), self.outputs))
        found[:, self.machine.classes_] = softmax(margins)
        return found


def fit_tree(rows: FloatArray, answers: FloatArray) -> Surrogate:
    """A decision tree that repeats every answer (n, k); without any, all classes alike."""
    return _tree(rows, answers, "best", 0)


def fit_committee(rows: FloatArray, answers: FloatArray) -> list[Surrogate]:
    """Trees that all repeat every answer (n, k) and differ between them, by random splits."""
    return [_tree(rows, answers, "random", member) for member in range(MEMBERS)]


def _tree(rows: FloatArray, answers: FloatArray, splitter: str, seed: int) -> Surrogate:
    if len(rows) == 0:
        return uninformed(answers.shape[1])
    frame = Frame(np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
    tree = cast(_Regressor, _learner("tree", "DecisionTreeRegressor", splitter=splitter, random_state=seed))
    return Fitted(frame, tree.fit(frame.design(rows), answers))


def fit_kernel(rows: FloatArray, answers: FloatArray, width: float, precision: Precision, frame: Frame) -> Surrogate:
    """An RBF kernel's copy: a support vector machine of labels, or kernel regression on centred logarithms."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), KERNEL_ROWS)).astype(np.intp))
    rows, answers = rows[chosen], answers[chosen]
    gamma = width / rows.shape[1]
    if precision.labels_only:
        labels = answers.argmax(axis=1)
        if len(np.unique(labels)) < 2:
            return Constant(tuple(np.eye(answers.shape[1])[labels[0]].tolist()))
        machine = cast(_Classifier, _learner("svm", "SVC", C=COST, gamma=gamma))
        return Machine(frame, machine.fit(frame.design(rows), labels), answers.shape[1])
    targets = centred_logarithms(distributions(np.maximum(answers, max(SOFT_FLOOR, precision.slack / 2))))
    return Fitted(frame, _kernel_regression(gamma, precision).fit(frame.design(rows), targets), logits=True)


def _kernel_regression(gamma: float, precision: Precision) -> _Regressor:
    ridge = max(RIDGE, precision.slack)
    return cast(_Regressor, _learner("kernel_ridge", "KernelRidge", kernel="rbf", gamma=gamma, alpha=ridge))


def candidates(precision: Precision, frame: Frame) -> list[Candidate]:
    """All forms of copy of a classifier that are tried on answers of a precision. ``frame`` is that of the population, to
    which victims are scaled as a rule."""
    kernels = [Candidate(f"kernel {width:g}", _kernel_fit(width, precision, frame)) for width in WIDTHS]
    networks = [Candidate(f"network {hidden}", _network_fit(hidden, frame)) for hidden in HIDDEN]
    return [*linear_candidates(precision), *kernels, *networks, Candidate("tree", fit_tree)]


def value_candidates(frame: Frame) -> list[Candidate]:
    """All forms of copy of a regressor that are tried."""
    kernels = [Candidate(f"kernel {width:g}", _value_fit(width, frame)) for width in WIDTHS]
    return [Candidate("linear", solve_values), *kernels, Candidate("tree", fit_tree)]


def best_candidate(record: Record, frame: Frame, *, regression: bool, thorough: bool) -> Candidate:
    """The form that predicts held-back answers of the thief's own best; with very few answers, a linear one.

    ``thorough`` holds back each third in turn rather than one, which takes three times as long.
    """
    precision = Precision(False, 0.0) if regression else precision_of(record.answers)
    tried = value_candidates(frame) if regression else candidates(precision, frame)
    if len(record.rows) < FEWEST_TO_COMPARE:
        return tried[0]
    return choose(tried, record.rows, record.answers, precision, thorough=thorough)


def _kernel_fit(width: float, precision: Precision, frame: Frame) -> Fit:
    return lambda rows, answers: fit_kernel(rows, answers, width, precision, frame)


def _network_fit(hidden: int, frame: Frame) -> Fit:
    return lambda rows, answers: fit_network(rows, answers, hidden, NETWORK_RIDGE, frame)


def _value_fit(width: float, frame: Frame) -> Fit:
    def fit(rows: FloatArray, answers: FloatArray) -> Surrogate:
        regression = _kernel_regression(width / rows.shape[1], Precision(False, 0.0))
        return Fitted(frame, regression.fit(frame.design(rows), answers))

    return fit
