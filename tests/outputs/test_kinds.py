"""What undeclared numbers are taken for, and that company does not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.outputs.kinds import kind_of, row_kinds


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ([0.2, 0.8], "probabilities"),
        ([0.3333, 0.3333, 0.3333], "probabilities"),
        ([0.2, 0.7], "scores"),
        ([0.7], "scores"),
        ([1.0], "scores"),
        ([1.0000001192092896], "scores"),
        ([-0.1, 1.1], "numbers"),
        ([1.001], "numbers"),
        ([float("nan"), 0.5], "numbers"),
        ([float("-inf"), 1.0], "numbers"),
    ],
)
def test_a_row_is_what_it_looks_like(row: list[float], kind: str) -> None:
    masks = row_kinds(np.array([row]), Contract())._asdict()
    assert [name for name, mask in masks.items() if mask[0]] == [kind]


@given(st.lists(st.lists(st.floats(-0.2, 1.2), min_size=3, max_size=3), min_size=1, max_size=8))
def test_each_row_is_of_one_kind_whatever_its_neighbours_are(rows: list[list[float]]) -> None:
    together = np.array(row_kinds(np.array(rows), Contract()))
    alone = np.hstack([np.array(row_kinds(np.array([row]), Contract())) for row in rows])
    assert (together == alone).all()
    assert (together.sum(axis=0) == 1).all()


def test_the_format_speaks_before_the_contract_and_the_contract_before_the_values() -> None:
    contract = Contract(kind=OutputKind.VALUES)
    assert kind_of(Output("a", OutputKind.NUMBERS, None), contract) is OutputKind.VALUES
    assert kind_of(Output("a", OutputKind.EMBEDDINGS, None), contract) is OutputKind.EMBEDDINGS
    assert kind_of(Output("a", OutputKind.NUMBERS, None), Contract()) is OutputKind.NUMBERS


def test_more_decimals_ask_for_a_truer_sum() -> None:
    row = np.array([[0.3333, 0.3333, 0.3333]])
    assert not row_kinds(row, Contract(decimals=6)).probabilities[0]
