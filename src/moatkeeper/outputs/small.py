"""One small row, released without array operations, whose fixed price is ten times the work itself.

The rules are those of ``probabilities`` and ``numbers``, for what most requests are: a row of class probabilities, a lone
score, a few unbounded numbers. Whatever is rarer returns None and takes the road of the batches; tests hold both roads
equal to the last bit.
"""

from __future__ import annotations

from functools import reduce
from itertools import repeat
from math import isfinite
from operator import add, ge, mod, mul, sub, truediv

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.outputs.kinds import sum_tolerance, upper_bound
from moatkeeper.outputs.numbers import round_number
from moatkeeper.outputs.probabilities import MOST_DECIMALS, first_above, last_below

MOST_COLUMNS = 64
"""Up to here a row takes at most half the time of array operations; they catch up beyond a hundred columns."""

_UNITS = tuple(10.0**decimals for decimals in range(MOST_DECIMALS + 1))
_ONES = repeat(1.0)
_TOLERANCES = tuple(sum_tolerance(decimals) for decimals in range(MOST_DECIMALS + 1))


def round_small(row: list[float], kind: OutputKind, contract: Contract) -> list[float] | None:
    """The row as the contract allows it, or None where it is not one of the common cases."""
    if contract.label_only:
        return None
    total = reduce(add, row, 0.0)  # from left to right in doubles, which ``sum`` promises no longer
    if not isfinite(total):
        return None
    highest = max(row)
    if kind is OutputKind.VALUES or min(row) < 0.0 or (highest > 1.0 and highest > upper_bound(contract)):
        return _round_numbers(row, highest, contract)
    if contract.decimals is None or highest > 1.0:
        return None
    decimals = min(contract.decimals, MOST_DECIMALS)
    if len(row) == 1:
        return [_round_lone(highest, _UNITS[decimals], contract.threshold)]
    if abs(total - 1.0) <= _TOLERANCES[decimals]:
        if 0.0 in row:
            row = list(map(abs, row))  # -0.0 becomes 0.0
        return _round_probabilities(row, highest, _UNITS[decimals], contract.top_k)
    return None


def _round_lone(score: float, unit: float, threshold: float) -> float:
    if score == threshold:
        return threshold
    value = round(score * unit) / unit
    if score < threshold <= value:
        return last_below(threshold, unit) / unit
    if score > threshold >= value:
        return first_above(threshold, unit) / unit
    return value


def _round_probabilities(row: list[float], highest: float, unit: float, top_k: int | None) -> list[float]:
    # Mapped operators of C, not comprehensions: a loop in Python takes as long as all the rest.
    scaled = list(map(mul, row, repeat(unit)))
    lost = list(map(mod, scaled, _ONES))
    units = list(map(sub, scaled, lost))
    missing = int(unit - sum(units))
    if missing:
        order = sorted(lost, reverse=True)
        if 0 < missing < len(row) and order[missing - 1] > order[missing]:
            least = order[missing - 1]
            units = list(map(add, units, map(ge, lost, repeat(least))))
        else:  # equal losses go by the true order
            for column in sorted(_by_score(row), key=lost.__getitem__, reverse=True)[:missing]:
                units[column] += 1.0
    top = row.index(highest)
    most = units[top]
    if units.count(most) > 1 and units.count(most) > row.count(highest):  # a lower class ties with the top
        tied = [column for column, count in enumerate(units) if count == most and row[column] < highest]
        units[min(tied, key=lambda column: (row[column], -column))] -= 1.0
        units[top] += 1.0
    released = list(map(truediv, units, repeat(unit)))
    if top_k is not None:
        for column in _by_score(row)[max(top_k, 1) :]:
            released[column] = 0.0
    return released


def _by_score(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=row.__getitem__, reverse=True)


def _round_numbers(row: list[float], highest: float, contract: Contract) -> list[float] | None:
    digits = contract.significant_digits
    if digits is None or (contract.top_k is not None and len(row) > 1):
        return None
    released = [round_number(number, digits) for number in row]
    if len(row) > 1 and released.count(max(released)) > row.count(highest):  # a lower number ties with the top
        return None
    return released
