"""Linear copies from answers that are rounded, noisy or labels only: the most likely weights, and the choice between forms.

What is fitted: the cross-entropy of a softmax or of renormalised sigmoids with the answers, and, where answers were rounded,
the intervals in which the true scores must lie. The logarithm of a softmax's score less that of its top score is linear in
the weights, so that the intervals are linear inequalities and their squared violation is convex.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.linear import OneVsRestModel, SoftmaxModel, frame_of, sigmoid, softmax, solve_softmax, uninformed
from moatkeeper.redteam.precision import SMALLEST_SCORE, Precision, distributions, precision_of

RIDGES = (1e-6, 1e-4, 1e-2)
"""Weights on the squared weights that are tried; larger: steadier with few or noisy answers, duller with many."""
FOLDS = 3
FEWEST_TO_COMPARE = 12  # with fewer answers a held-back third says nothing, and the middle ridge is taken
ROWS_FOR_ONE_FOLD = 1_000  # from here on one held-back third tells candidates apart, and saves two fits of three
TIE_BREAK = 1e-3
STEPS = 300  # of the optimiser; more: nearer the optimum of nearly separable labels, more time
INTERVAL_WEIGHT = 100.0  # of the squared violation of intervals against the cross-entropy
SHOWN_FLOOR = 0.5  # of the slack: what a score shown as 0 is taken for, its upper bound being the slack itself

Objective = Callable[[FloatArray], tuple[float, FloatArray]]
Fit = Callable[[FloatArray, FloatArray], Surrogate]


def minimise(objective: Objective, start: FloatArray, steps: int = STEPS) -> FloatArray:
    """Where L-BFGS ends, of the shape of ``start``. The objective returns its value and its gradient."""
    try:
        from scipy.optimize import minimize  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("this attack needs scipy", hint="pip install 'moatkeeper[redteam]'") from error

    def flat(point: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = objective(point.reshape(start.shape))
        return value, gradient.ravel()

    found = minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxfun": 2 * steps})
    return cast(FloatArray, found.x.reshape(start.shape))


def fit_softmax(design: FloatArray, targets: FloatArray, ridge: float, start: FloatArray | None = None) -> FloatArray:
    """Weights (p, k) of the softmax nearest to the distributions ``targets`` (n, k); the last column of the design is 1."""

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        shares = softmax(design @ weights)
        loss = -float(np.sum(targets * np.log(shares + SMALLEST_SCORE))) / len(design)
        held = _held(weights)
        return loss + ridge / 2 * float(np.sum(held**2)), design.T @ (shares - targets) / len(design) + ridge * held

    return minimise(objective, np.zeros((design.shape[1], targets.shape[1])) if start is None else start)


def fit_one_vs_rest(design: FloatArray, targets: FloatArray, ridge: float) -> FloatArray:
    """Weights (p, k) of the renormalised sigmoids nearest to the distributions ``targets`` (n, k)."""

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        single = sigmoid(design @ weights) + SMALLEST_SCORE
        shares = single / single.sum(axis=1, keepdims=True)
        loss = -float(np.sum(targets * np.log(shares))) / len(design)
        held = _held(weights)
        slope = (shares - targets) * (1.0 - single)
        return loss + ridge / 2 * float(np.sum(held**2)), design.T @ slope / len(design) + ridge * held

    return minimise(objective, np.zeros((design.shape[1], targets.shape[1])))


def fit_intervals(design: FloatArray, answers: FloatArray, slack: float, start: FloatArray, ridge: float) -> FloatArray:
    """Weights (p, k) of a softmax whose scores lie, as far as possible, within ``slack`` of the answers."""
    top = answers.argmax(axis=1)[:, None]
    best = np.take_along_axis(answers, top, axis=1)
    highest = np.log((answers + slack) / np.maximum(best - slack, slack))
    lower = answers - slack
    possible = lower > slack / 2
    lowest = np.where(possible, np.log(np.where(possible, lower, 1.0) / (best + slack)), -np.inf)
    targets = distributions(np.maximum(answers, SHOWN_FLOOR * slack))

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        logits = design @ weights
        ratios = logits - np.take_along_axis(logits, top, axis=1)
        over, under = np.maximum(ratios - highest, 0.0), np.maximum(lowest - ratios, 0.0)
        slope = over - under
        np.put_along_axis(slope, top, 0.0, axis=1)
        violation = float(np.sum(slope**2)) / 2
        np.put_along_axis(slope, top, -slope.sum(axis=1, keepdims=True), axis=1)
        shares = softmax(logits)
        loss = -float(np.sum(targets * np.log(shares + SMALLEST_SCORE)))
        held = _held(weights)
        value = (loss + INTERVAL_WEIGHT * violation) / len(design) + ridge / 2 * float(np.sum(held**2))
        return value, design.T @ (shares - targets + INTERVAL_WEIGHT * slope) / len(design) + ridge * held

    return minimise(objective, start)


def _held(weights: FloatArray) -> FloatArray:
    """The weights that the ridge holds: all but the constants."""
    held = weights.copy()
    held[-1] = 0.0
    return held


@dataclass(frozen=True, slots=True)
class Candidate:
    """One form of copy with its settings: what it makes of rows and answers."""

    name: str
    fit: Fit


def most_likely(rows: FloatArray, answers: FloatArray) -> Surrogate:
    """The linear copy that explains the answers best, chosen by answers that were held back from each fit.

    Everything is the thief's own: no row is looked at that the victim did not answer. Without answers: all classes alike.
    """
    if len(answers) == 0:
        return uninformed(answers.shape[1])
    precision = precision_of(answers)
    candidates = linear_candidates(precision)
    if len(answers) < FEWEST_TO_COMPARE:
        return candidates[min(1, len(candidates) - 1)].fit(rows, answers)
    return choose(candidates, rows, answers, precision).fit(rows, answers)


def linear_candidates(precision: Precision) -> list[Candidate]:
    """The forms of linear copy that make sense for answers of a precision."""
    found = [Candidate(f"softmax {ridge:g}", _softmax_fit(ridge)) for ridge in RIDGES]
    if precision.labels_only:
        return found
    found += [Candidate(f"one-vs-rest {ridge:g}", _one_vs_rest_fit(ridge)) for ridge in RIDGES[:2]]
    if precision.slack > 0:
        found += [Candidate(f"intervals {ridge:g}", _interval_fit(ridge, precision.slack)) for ridge in RIDGES[:2]]
    return [*found, Candidate("equations", lambda rows, answers: solve_softmax(rows, answers, precision.slack))]


def choose(
    candidates: Sequence[Candidate], rows: FloatArray, answers: FloatArray, precision: Precision, *, thorough: bool = True
) -> Candidate:
    """The candidate that leaves least unexplained of answers that it was not fitted to; the first of the best.

    Not ``thorough``, one third of the answers is held back and not each in turn.
    """
    folds = range(FOLDS if thorough and len(rows) < ROWS_FOR_ONE_FOLD else 1)
    errors = []
    for candidate in candidates:
        total = 0.0
        for fold in folds:
            held = np.arange(len(rows)) % FOLDS == fold
            copy = candidate.fit(rows[~held], answers[~held])
            total += unexplained(copy, rows[held], answers[held], precision)
        errors.append(total)
    return candidates[int(np.argmin(errors))]


def unexplained(copy: Surrogate, rows: FloatArray, answers: FloatArray, precision: Precision) -> float:
    """How much of the answers a copy gets wrong, at least 0.

    Labels: the share of wrong ones, and a little of their improbability, which parts equals. Else the mean distance of scores
    from the intervals in which the shown ones put them.
    """
    copied = copy.scores(rows)
    if precision.labels_only:
        wrong = float(np.mean(copied.argmax(axis=1) != answers.argmax(axis=1)))
        return wrong + TIE_BREAK * float(np.mean(1.0 - np.sum(copied * answers, axis=1)))
    return float(np.mean(np.maximum(np.abs(copied - answers) - precision.slack, 0.0)))


def _softmax_fit(ridge: float) -> Fit:
    def fit(rows: FloatArray, answers: FloatArray) -> Surrogate:
        frame = frame_of(rows)
        return SoftmaxModel(frame, fit_softmax(frame.design(rows), distributions(answers), ridge))

    return fit


def _one_vs_rest_fit(ridge: float) -> Fit:
    def fit(rows: FloatArray, answers: FloatArray) -> Surrogate:
        frame = frame_of(rows)
        return OneVsRestModel(frame, fit_one_vs_rest(frame.design(rows), distributions(answers), ridge))

    return fit


def _interval_fit(ridge: float, slack: float) -> Fit:
    def fit(rows: FloatArray, answers: FloatArray) -> Surrogate:
        frame = frame_of(rows)
        design = frame.design(rows)
        start = fit_softmax(design, distributions(answers), ridge)
        return SoftmaxModel(frame, fit_intervals(design, answers, slack, start, ridge))

    return fit
