"""The road of small rows is a shortcut, not another rule: it gives the bits that the road of the batches gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.outputs.least import release_rows
from moatkeeper.outputs.small import MOST_COLUMNS, round_small

CONTRACTS = st.builds(
    Contract,
    decimals=st.one_of(st.none(), st.integers(0, 14)),
    significant_digits=st.one_of(st.none(), st.integers(1, 16)),
    top_k=st.one_of(st.none(), st.integers(0, 5)),
    label_only=st.booleans(),
    threshold=st.sampled_from([0.5, 0.3, 0.333, 0.0, 1.0]),
)
KINDS = st.sampled_from([OutputKind.NUMBERS, OutputKind.SCORES, OutputKind.VALUES])
NUMBERS = st.one_of(
    st.floats(0, 1),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 0.4999, 0.5001, 1.0000001, 1.0004, 1.0006, 1e-9, 1e300]),
)


@st.composite
def small_rows(draw: st.DrawFn) -> list[float]:
    row = draw(st.lists(NUMBERS, min_size=1, max_size=12))
    if draw(st.booleans()):
        weights = np.abs(np.nan_to_num(np.array(row), nan=1.0, posinf=1.0, neginf=1.0)).clip(1e-3, 1e3)
        row = (weights / weights.sum()).tolist()
    return row


@given(small_rows(), KINDS, CONTRACTS)
def test_a_small_row_takes_the_same_bits_on_both_roads(row: list[float], kind: OutputKind, contract: Contract) -> None:
    small = round_small(row, kind, contract)
    if small is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            batch = release_rows(np.array([row]), kind, contract)
        assert np.array([small]).tobytes() == batch.tobytes()


@given(st.integers(1, MOST_COLUMNS), st.integers(0, 2**32 - 1))
def test_the_common_cases_do_take_the_short_road(columns: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    row = np.sort(generator.dirichlet(np.ones(columns)))
    row[-1] = 1.0 - row[:-1].sum()
    assert round_small(row.tolist(), OutputKind.SCORES, Contract(decimals=6)) is not None
    assert round_small((row * 40 - 7).tolist(), OutputKind.VALUES, Contract(significant_digits=9)) is not None


@pytest.mark.parametrize("row", [[0.2, 0.9, 0.8], [float("nan")], [1.00001, 1.00002]])
def test_rare_rows_are_left_to_the_road_of_the_batches(row: list[float]) -> None:
    assert round_small(row, OutputKind.NUMBERS, Contract()) is None
