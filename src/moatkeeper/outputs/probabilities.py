"""Numbers in [0, 1]: class probabilities that sum to 1, and scores that each stand alone, in fewer decimals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

IndexArray = npt.NDArray[np.intp]

MOST_DECIMALS = 12
"""Beyond this a double's own error in the sum of a thousand classes reaches the last decimal; more is served as this."""


def round_probabilities(rows: FloatArray, decimals: int) -> FloatArray:
    """Rows of shape (n, k), k >= 2, each summing to exactly 1 in units of ``10 ** -decimals``.

    Largest remainders: every score is rounded down, and the units still missing go to those that lost most. Each score
    is off by less than one unit, the order of classes is weakly kept, and of equal scores the first stays first. Where
    rounding would make the top class tie with another, one unit moves to it from the lowest of those that tie; then two
    scores may be off by up to two units.
    """
    unit = 10.0**decimals
    scaled = np.minimum(rows, 1.0) * unit
    units = np.floor(scaled)
    missing = unit - units.sum(axis=1, keepdims=True)
    # Multiplying may make neighbouring doubles equal, so remainders alone do not decide: ties go by the true order.
    by_score = np.argsort(-rows, axis=1, kind="stable")
    lost = np.take_along_axis(scaled - units, by_score, axis=1)
    by_loss = np.take_along_axis(by_score, np.argsort(-lost, axis=1, kind="stable"), axis=1)
    gains = (np.arange(rows.shape[1]) < missing).astype(np.float64)
    np.put_along_axis(units, by_loss, np.take_along_axis(units, by_loss, axis=1) + gains, axis=1)
    _part_the_top(rows, units, by_score)
    return units / unit


def _part_the_top(rows: FloatArray, units: FloatArray, by_score: IndexArray) -> None:
    """Moves one unit to a top class that ties with a truly lower one, in place."""
    every = np.arange(len(rows))
    top = by_score[:, 0]
    level = units[every, top][:, None]
    ties = (units == level) & (rows < rows[every, top][:, None])
    tied = ties.any(axis=1)
    if not tied.any():
        return
    columns = rows.shape[1]
    last_first = np.take_along_axis(ties, by_score, axis=1)[:, ::-1]
    lowest = by_score[every, columns - 1 - last_first.argmax(axis=1)]
    units[every[tied], top[tied]] += 1.0
    units[every[tied], lowest[tied]] -= 1.0


def round_scores(rows: FloatArray, decimals: int, threshold: float) -> FloatArray:
    """Rows of shape (n, m), every score rounded on its own, on the side of ``threshold`` where it was.

    A score at the threshold stays exactly there, so both ``>`` and ``>=`` decide as before. The order within a row is
    weakly kept and the first of the highest stays so; for that the top may rise by a unit, or those that tie with it
    fall by one (by half the way to the threshold where a whole unit would cross it). Otherwise a score is off by less
    than one unit.
    """
    unit = 10.0**decimals
    bounded = np.minimum(rows, 1.0)
    units = np.rint(bounded * unit) + 0.0  # -0.0 becomes 0.0
    units = np.where(bounded < threshold, np.minimum(units, last_below(threshold, unit)), units)
    units = np.where(bounded > threshold, np.maximum(units, first_above(threshold, unit)), units)
    values = np.where(bounded == threshold, threshold, units / unit)
    if rows.shape[1] > 1:
        _keep_first_top(rows, values, unit, threshold)
    return values


def last_below(threshold: float, unit: float) -> float:
    """The largest whole number of units that is strictly below the threshold."""
    units = float(np.ceil(threshold * unit))
    while units / unit >= threshold:
        units -= 1.0
    return units


def first_above(threshold: float, unit: float) -> float:
    """The smallest whole number of units that is strictly above the threshold."""
    units = float(np.floor(threshold * unit))
    while units / unit <= threshold:
        units += 1.0
    return units


def _keep_first_top(rows: FloatArray, values: FloatArray, unit: float, threshold: float) -> None:
    """Parts the top score from truly lower ones that would now be found first, in place."""
    top = rows.argmax(axis=1)[:, None]
    highest = np.take_along_axis(rows, top, axis=1)
    level = np.take_along_axis(values, top, axis=1)
    ties = (values == level) & (rows < highest)
    lost = (ties & (np.arange(rows.shape[1]) < top)).any(axis=1, keepdims=True)
    if not lost.any():
        return
    raised = (np.rint(level * unit) + 1.0) / unit
    lowered = (np.rint(level * unit) - 1.0) / unit
    may_rise = (raised <= 1.0) & ((level >= threshold) | (raised < threshold))
    may_fall = (lowered >= 0.0) & ((level <= threshold) | (lowered > threshold))
    halfway = (level + threshold) / 2.0
    rises = may_rise | (~may_fall & (level < threshold))
    above = np.where(lost & rises, np.where(may_rise, raised, halfway), level)
    below = np.where(may_fall, lowered, halfway)
    np.copyto(values, below, where=ties & lost & ~rises)
    np.put_along_axis(values, top, above, axis=1)


def keep_best(rows: FloatArray, released: FloatArray, best: int) -> FloatArray:
    """The released scores of the ``best`` highest rows' columns; the others read 0. Equal scores: the first are kept."""
    hidden = np.argsort(-rows, axis=1, kind="stable")[:, max(best, 1) :]
    kept = released.copy()
    np.put_along_axis(kept, hidden, 0.0, axis=1)
    return kept


def one_hot(rows: FloatArray) -> FloatArray:
    """1 for the first of the highest in each row, 0 elsewhere."""
    decided = np.zeros_like(rows)
    np.put_along_axis(decided, rows.argmax(axis=1)[:, None], 1.0, axis=1)
    return decided
