"""What an attacker knows of a defence: its code, and so what it would make of any scores, but not its secret."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.outputs.least import LeastOutput

Disguise = Callable[[FloatArray], FloatArray]
"""Clean scores (n, k) to the scores that the defence would show. It may draw chance of its own; it keeps no memory."""

MOST_DECIMALS = 12


def least_output(contract: Contract) -> Disguise:
    """The product's own output policy, as anybody can run it."""

    def disguise(scores: FloatArray) -> FloatArray:
        released = LeastOutput().release(Answer((Output("scores", OutputKind.NUMBERS, scores),)), contract)
        values = released.outputs[0].values
        return scores if values is None else np.asarray(values, dtype=np.float64)

    return disguise


def contract_of(decimals: int, top_k: int, *, label_only: bool) -> Contract:
    """The contract in plain options: ``decimals`` below 0 is exact, ``top_k`` of 0 is all classes."""
    if decimals > MOST_DECIMALS or top_k < 0:
        raise UsageError(f"expected at most {MOST_DECIMALS} decimals and top_k >= 0; found {decimals} and {top_k}")
    return Contract(
        decimals=decimals if decimals >= 0 else None,
        significant_digits=FULL_OUTPUT.significant_digits,
        top_k=top_k or None,
        label_only=label_only,
    )
