"""What an output's numbers are: the format's word, else the contract's, else what each row of them looks like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.answer import Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray

BoolArray = npt.NDArray[np.bool_]

SUM_TOLERANCE = 1e-3
"""How far from 1 a row of probabilities may sum: float16 softmax and servers that round to three decimals stay inside."""

FLOAT32_EXCESS = 5e-7
"""How far above 1 a float32 probability may stray (four steps of 2^-23) where the contract rounds no digits."""


class RowKinds(NamedTuple):
    """Boolean masks of shape (n,), exactly one of them true for each row."""

    probabilities: BoolArray  # at least two columns in [0, 1] that sum to 1
    scores: BoolArray  # in [0, 1], each on its own: multi-label scores, a lone probability
    numbers: BoolArray  # everything else: margins, logits, regression values, rows with NaN or infinities


def kind_of(output: Output, contract: Contract) -> OutputKind:
    """What the output is declared to be, by its format or else by the contract; NUMBERS where neither says."""
    if output.kind is OutputKind.NUMBERS and contract.kind is not None:
        return contract.kind
    return output.kind


def upper_bound(contract: Contract) -> float:
    """The largest number that still counts as a score: above 1 by no more than the contract's digits would hide."""
    digits = contract.significant_digits
    return 1.0 + (FLOAT32_EXCESS if digits is None else 0.5 * 10.0 ** (1 - digits))


def sum_tolerance(decimals: int | None) -> float:
    """How far from 1 a row may sum and still be probabilities: less than would show at that many decimals."""
    return SUM_TOLERANCE if decimals is None else min(SUM_TOLERANCE, 0.5 * 10.0**-decimals)


def row_kinds(rows: FloatArray, contract: Contract) -> RowKinds:
    """The kind of every row by itself, so that no row is treated differently for the company it is sent in."""
    bounded = (rows.min(axis=1) >= 0.0) & (rows.max(axis=1) <= upper_bound(contract))
    probabilities = np.zeros(len(rows), dtype=np.bool_)
    if rows.shape[1] > 1 and bounded.any():
        # accumulate adds from left to right, as the routine for small rows does: the same bits decide
        sums = np.add.accumulate(rows[bounded], axis=1)[:, -1]
        probabilities[bounded] = np.abs(sums - 1.0) <= sum_tolerance(contract.decimals)
    return RowKinds(probabilities, bounded & ~probabilities, ~bounded)
