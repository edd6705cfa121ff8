"""Coarser answers: a standing only ever takes, and never the top label."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.outputs.coarser import Coarser
from moatkeeper.outputs.least import LeastOutput

some = st.none() | st.integers(1, 12)
coarser = st.builds(Coarser, some, some, some, st.booleans(), some, some)
contracts = st.builds(
    Contract, decimals=some, significant_digits=some, top_k=some, label_only=st.booleans(), embedding_bits=some, max_tokens=some
) | st.just(FULL_OUTPUT)
BOUNDS = ("decimals", "significant_digits", "top_k", "embedding_bits", "max_tokens")


def size(bound: int | None) -> float:
    """How much a bound lets through."""
    return float("inf") if bound is None else bound


@given(one=coarser, contract=contracts)
def test_nothing_is_ever_added_to_a_contract(one: Coarser, contract: Contract) -> None:
    narrowed = one.of(contract)
    assert all(size(getattr(narrowed, name)) <= size(getattr(contract, name)) for name in BOUNDS)
    assert all(size(getattr(narrowed, name)) <= size(getattr(one, name)) for name in BOUNDS)
    assert narrowed.label_only == (contract.label_only or one.label_only)
    untouched = [part.name for part in fields(Contract) if part.name not in (*BOUNDS, "label_only")]
    assert all(getattr(narrowed, name) == getattr(contract, name) for name in untouched)
    assert one.of(narrowed) == narrowed


@given(one=coarser, contract=contracts, seed=st.integers(0, 1_000), classes=st.integers(2, 12))
def test_the_top_label_and_the_shape_stay(one: Coarser, contract: Contract, seed: int, classes: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.full(classes, 0.7), 8)
    answer = Answer((Output("scores", OutputKind.SCORES, rows),))
    released = LeastOutput().release(answer, one.of(contract)).outputs[0].values
    assert released is not None
    assert released.shape == rows.shape
    np.testing.assert_array_equal(released.argmax(axis=1), rows.argmax(axis=1))


def test_one_decimal_instead_of_two() -> None:
    answer = Answer((Output("scores", OutputKind.SCORES, np.array([[0.6249, 0.3751]])),))
    sold, narrowed = Contract(), Coarser(decimals=1).of(Contract())
    values = [LeastOutput().release(answer, one).outputs[0].values for one in (sold, narrowed)]
    np.testing.assert_array_equal(values[0], [[0.62, 0.38]])
    np.testing.assert_array_equal(values[1], [[0.6, 0.4]])
