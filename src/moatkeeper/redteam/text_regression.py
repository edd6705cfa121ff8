"""Softmax regressions from what an API says of texts: by equations where it is exact, by likelihood where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.text_features import Design, gram

SMALLEST_SCORE = 1e-12  # keeps the likelihood finite where the copy is sure of the contrary
MOST_DECIMALS = 6  # answers of more are taken for exact: their error is then near that of 32-bit numbers
_FLOAT_SLACK = 1e-9  # how far a rounded number may be from the decimal that it stands for
STEPS = 80  # of L-BFGS; more: nearer to the optimum, which few answers do not deserve
STEEPEST = 500.0  # logits are cut to this far below the largest, where exponentials are still numbers of full precision


def decimals_of(answers: FloatArray) -> int | None:
    """The decimals that scores (n, k) were rounded to, 0 for decisions; None where they look exact or where there are none."""
    if answers.size == 0:
        return None
    for decimals in range(MOST_DECIMALS + 1):
        if np.abs(answers - np.round(answers, decimals)).max() < _FLOAT_SLACK:
            return decimals
    return None


def log_ratios(answers: FloatArray) -> FloatArray:
    """Logarithms of scores (n, k) less their mean over the classes.

    A score rounded to 0 counts as half its last place; 0 among scores that look exact as half the smallest of them.
    """
    decimals = decimals_of(answers)
    floor = 0.5 * float(answers[answers > 0].min(initial=1.0)) if decimals is None else 0.5 * 10.0**-decimals
    logarithms = np.log(np.maximum(answers, floor))
    return cast(FloatArray, logarithms - logarithms.mean(axis=1, keepdims=True))


def softmax(logits: FloatArray) -> FloatArray:
    """Shape (n, k), rows summing to 1."""
    powers = np.exp(np.maximum(logits - logits.max(axis=1, keepdims=True), -STEEPEST))
    return cast(FloatArray, powers / powers.sum(axis=1, keepdims=True))


def distributions(answers: FloatArray) -> FloatArray:
    """Scores (n, k) as distributions; a row without a positive score becomes uniform."""
    positive = np.maximum(answers, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    return np.where(total > 0, positive / np.where(total > 0, total, 1.0), 1.0 / answers.shape[1])


def solve(design: Design, targets: FloatArray, ridge: float) -> FloatArray:
    """Weights (p, k) of the least squares to ``targets`` (n, k) with ``ridge`` on their squares; through the shorter side."""
    rows, columns = design.shape
    if rows <= columns:
        inner = gram(design)
        inner[np.diag_indices(rows)] += ridge
        return design.T @ cast(FloatArray, np.linalg.solve(inner, targets))
    inner = gram(design.T)
    inner[np.diag_indices(columns)] += ridge
    return cast(FloatArray, np.linalg.solve(inner, design.T @ targets))


def likeliest(design: Design, targets: FloatArray, ridge: float, start: FloatArray | None = None) -> FloatArray:
    """Weights (p, k) of the softmax nearest in cross-entropy to ``targets`` (n, k); the design's last column is ones.

    ``ridge`` weighs the squares of all weights but the constants; larger: duller copies, and steadier ones from few answers.
    """
    try:
        from scipy.optimize import minimize  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("attacks on models of texts need scipy", hint="pip install 'moatkeeper[redteam]'") from error
    rows, columns = design.shape
    shape = (columns, targets.shape[1])
    across = design.T

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = flat.reshape(shape)
        shares = softmax(design @ weights)
        held = weights.copy()
        held[-1] = 0.0
        value = -float(np.sum(targets * np.log(shares + SMALLEST_SCORE))) / rows + ridge * float(np.sum(held**2))
        slope = across @ (shares - targets) / rows + 2 * ridge * held
        return value, slope.ravel()

    first = np.zeros(shape) if start is None else start
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxfun": 2 * STEPS})
    return cast(FloatArray, found.x.reshape(shape))


@dataclass(frozen=True, slots=True)
class Fit:
    """One way to come from a design and answers to weights: by equations, or by likelihood, with this ridge."""

    by_equations: bool
    ridge: float

    def weights(self, design: Design, answers: FloatArray) -> FloatArray:
        """Shape (p, k)."""
        if self.by_equations:
            return solve(design, log_ratios(answers), self.ridge)
        return likeliest(design, distributions(answers), self.ridge)


FOLD = 5  # every fifth answer is held back for the choice; larger: a surer fit, a less sure choice
FEWEST_TO_COMPARE = 50  # with fewer answers the first of the fits is taken, for ten held-back ones say little
MOST_TO_COMPARE = 1_000  # the first so many answers settle it; more: a surer choice, a longer one


def best_fit(fits: Sequence[Fit], design: Design, answers: FloatArray) -> Fit:
    """The fit whose copy from four fifths of the answers agrees most often with the fifth; the first one in a tie."""
    if len(fits) == 1 or len(answers) < FEWEST_TO_COMPARE:
        return fits[0]
    design, answers = design[np.arange(min(len(answers), MOST_TO_COMPARE))], answers[:MOST_TO_COMPARE]
    held = np.arange(len(answers)) % FOLD == FOLD - 1
    shown, hidden = np.flatnonzero(~held), np.flatnonzero(held)
    truth = answers[hidden].argmax(axis=1)
    right = [int(((design[hidden] @ fit.weights(design[shown], answers[shown])).argmax(axis=1) == truth).sum()) for fit in fits]
    return fits[int(np.argmax(right))]
