"""Numbers without bounds: regression values, margins and logits, in fewer significant digits."""

from __future__ import annotations

import math
from bisect import bisect_right
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

import numpy as np

from moatkeeper.core.query import FloatArray

MOST_DIGITS = 15
"""What every double can carry; more is served as this."""

_LOWEST, _HIGHEST = -7, 22
_POWERS = [float(f"1e{exponent}") for exponent in range(_LOWEST, _HIGHEST + 1)]
_EXACT = [float(10**exponent) for exponent in range(_HIGHEST + 1)]
"""Powers of ten that a double holds exactly, so that one division or product gives the nearest double to a decimal."""
_POWERS_ARRAY = np.array(_POWERS)
_EXACT_ARRAY = np.array(_EXACT)


def round_numbers(rows: FloatArray, digits: int) -> FloatArray:
    """Rows of shape (n, m) with ``digits`` significant digits in each number, each the nearest double to its decimal.

    Zero stays zero, nothing else becomes zero, no sign flips; NaN and infinities stay. In rows of two columns or more
    the order is weakly kept and the first of the highest stays so: where it would tie with a truly lower number it
    rises to the next number of that many digits.
    """
    digits = min(max(digits, 1), MOST_DIGITS)
    magnitudes = np.abs(rows)
    plain = (magnitudes >= _POWERS[0]) & (magnitudes < _POWERS[-1])
    exponents = np.where(plain, np.searchsorted(_POWERS_ARRAY, magnitudes, side="right") - 1 + _LOWEST, 0)
    shift = digits - 1 - exponents
    power = _EXACT_ARRAY[np.abs(shift)]
    safe = np.where(plain, rows, 0.0)
    rounded: FloatArray = np.where(shift >= 0, np.rint(safe * power) / power, np.rint(safe / power) * power)
    if not plain.all():
        rounded = np.where(rows == 0.0, 0.0, rounded)
        for row, column in np.argwhere(~plain & (rows != 0.0)):  # beyond exact powers of ten: rare, so one by one
            rounded[row, column] = _round_extreme(float(rows[row, column]), digits)
    if rows.shape[1] > 1:
        _keep_first_top(rows, rounded, digits)
    return rounded


def round_number(value: float, digits: int) -> float:
    """One number by the rule of ``round_numbers``, with the same bits."""
    digits = min(max(digits, 1), MOST_DIGITS)
    magnitude = abs(value)
    if not _POWERS[0] <= magnitude < _POWERS[-1]:
        return _round_extreme(value, digits) if value else 0.0
    shift = digits - 1 - (bisect_right(_POWERS, magnitude) - 1 + _LOWEST)
    if shift >= 0:
        power = _EXACT[shift]
        return round(value * power) / power
    power = _EXACT[-shift]
    return round(value / power) * power


def _round_extreme(value: float, digits: int) -> float:
    """One number of any size but zero; what would overflow is rounded towards zero instead."""
    if not math.isfinite(value):
        return value
    rounded = float(_context(digits).plus(Decimal(value)))
    if math.isinf(rounded):
        return float(_context(digits, ROUND_DOWN).plus(Decimal(value)))
    return rounded


def _context(digits: int, rounding: str = ROUND_HALF_EVEN) -> Context:
    return Context(prec=digits, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def _keep_first_top(rows: FloatArray, rounded: FloatArray, digits: int) -> None:
    """Parts the top number from truly lower ones that would now be found first, in place."""
    columns = np.arange(rows.shape[1])
    top = rows.argmax(axis=1)[:, None]
    ties = (rounded == np.take_along_axis(rounded, top, axis=1)) & (rows < np.take_along_axis(rows, top, axis=1))
    for row in np.flatnonzero((ties & (columns < top)).any(axis=1)):  # rare: numbers that agree in all digits shown
        level = float(rounded[row, top[row, 0]])
        above = _next_above(level, digits)
        if math.isinf(above):
            rounded[row, ties[row]] = -_next_above(-level, digits)
        else:
            rounded[row, top[row, 0]] = above


def _next_above(value: float, digits: int) -> float:
    """The next number of ``digits`` significant digits above one that is not zero."""
    above = float(_context(digits).next_plus(Decimal(repr(value))))
    return max(above, math.nextafter(value, math.inf))  # subnormal numbers carry fewer digits than were asked for


def keep_best(rows: FloatArray, released: FloatArray, best: int) -> FloatArray:
    """The released numbers of the ``best`` highest in each row; the others read one whole number below all that are kept.

    Zero would not do here: it may be higher than the top.
    """
    order = np.argsort(-rows, axis=1, kind="stable")
    best = max(best, 1)
    if best >= rows.shape[1]:
        return released
    lowest = np.take_along_axis(released, order[:, best - 1 : best], axis=1)
    largest = np.finfo(np.float64).max
    # twice, so that it is lower even where one more or less is below a double's resolution
    floor = np.clip(np.floor(np.minimum(lowest, 0.0)), -largest / 2.0, 0.0) * 2.0 - 1.0
    kept = released.copy()
    np.put_along_axis(kept, order[:, best:], np.where(np.isneginf(lowest), lowest, floor), axis=1)
    return kept


def signs(rows: FloatArray) -> FloatArray:
    """-1, 0 or 1: the decision of a lone margin."""
    return np.sign(rows)
