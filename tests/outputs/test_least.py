"""Least output through its front door: answers in, answers out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.outputs.least import LeastOutput


def released(row: list[float], contract: Contract, kind: OutputKind = OutputKind.NUMBERS) -> list[float]:
    """One row through the policy."""
    answer = LeastOutput().release(Answer((Output("out", kind, np.array([row])),)), contract)
    values = answer.outputs[0].values
    assert values is not None
    row_out: list[float] = values[0].tolist()
    return row_out


@pytest.mark.parametrize(
    ("row", "contract", "expected"),
    [
        ([0.847392], Contract(), [0.85]),
        ([0.152608, 0.847392], Contract(), [0.15, 0.85]),
        ([0.4999, 0.5001], Contract(), [0.49, 0.51]),
        ([0.1214, 0.5451, 0.3335], Contract(top_k=2), [0.0, 0.55, 0.33]),
        ([0.1234, 0.5432, 0.3334], Contract(label_only=True), [0.0, 1.0, 0.0]),
        ([0.31], Contract(label_only=True, threshold=0.3), [1.0]),
        ([0.3], Contract(label_only=True, threshold=0.3), [0.3]),
        ([-2.34567], Contract(label_only=True), [-1.0]),
        ([-2.34567, 7.0], Contract(label_only=True), [0.0, 1.0]),
        ([-2.34567, 7.123456], Contract(), [-2.346, 7.123]),
        ([-2.34567, 7.123456, -9.0], Contract(top_k=2), [-2.346, 7.123, -7.0]),
        ([0.9123, 0.8123, 0.1], Contract(), [0.91, 0.81, 0.1]),
    ],
)
def test_the_worked_examples(row: list[float], contract: Contract, expected: list[float]) -> None:
    assert released(row, contract) == expected


def test_declared_values_keep_their_digits_where_undeclared_ones_would_read_as_scores() -> None:
    assert released([0.00123456], Contract()) == [0.0]
    assert released([0.00123456], Contract(), OutputKind.VALUES) == [0.001235]
    assert released([0.00123456], Contract(kind=OutputKind.VALUES)) == [0.001235]


def test_undeclared_outputs_are_dropped_and_labels_pass() -> None:
    values = np.array([[0.123456]])
    answer = Answer(
        (
            Output("label", OutputKind.LABELS, None),
            Output("ids", OutputKind.LABELS, np.array([[123456.0]])),
            Output("hidden_state", OutputKind.NUMBERS, values),
            Output("score", OutputKind.SCORES, values),
        ),
        tokens=7,
    )
    given = LeastOutput().release(answer, Contract(outputs=frozenset({"label", "ids", "score"})))
    assert [output.name for output in given.outputs] == ["label", "ids", "score"]
    assert given.outputs[:2] == answer.outputs[:2]
    assert given.tokens == 7


def test_full_output_passes_every_number_as_it_is() -> None:
    for row in ([0.123456789, 0.876543211], [-1.23456789012345, math.inf], [0.7, 0.6]):
        for kind in OutputKind:
            assert released(row, FULL_OUTPUT, kind) == row


def test_a_row_with_nan_has_no_order_and_its_batch_is_served() -> None:
    answer = Answer((Output("out", OutputKind.SCORES, np.array([[math.nan, 0.2], [0.847392, 0.152608]])),))
    for contract, first in ((Contract(), [math.nan, 0.2]), (Contract(label_only=True), [math.nan, math.nan])):
        values = LeastOutput().release(answer, contract).outputs[0].values
        assert values is not None
        assert np.array_equal(values[0], first, equal_nan=True)
        assert np.isfinite(values[1]).all()


def test_an_embedding_with_nan_shows_nothing_of_its_other_coordinates() -> None:
    assert all(math.isnan(value) for value in released([math.nan, 0.25], Contract(), OutputKind.EMBEDDINGS))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_an_empty_output_stays_as_it_is(shape: tuple[int, int]) -> None:
    answer = Answer((Output("out", OutputKind.NUMBERS, np.empty(shape)),))
    assert LeastOutput().release(answer, Contract()).outputs == answer.outputs


def records(rows: list[dict[str, float]], contract: Contract) -> list[dict[str, float]]:
    """Records of named numbers through the policy: one output a name, as formats give them."""
    outputs = tuple(Output(name, OutputKind.NUMBERS, np.array([[row[name]] for row in rows])) for name in rows[0])
    columns = {output.name: output.values for output in LeastOutput().release(Answer(outputs), contract).outputs}
    return [
        {name: float(values[number, 0]) for name, values in columns.items() if values is not None}
        for number in range(len(rows))
    ]


def test_probabilities_under_class_names_are_released_together() -> None:
    assert records([{"cat": 0.4999, "dog": 0.5001}], Contract()) == [{"cat": 0.49, "dog": 0.51}]
    assert records([{"cat": 0.2, "dog": 0.5, "emu": 0.3}], Contract(top_k=2)) == [{"cat": 0.0, "dog": 0.5, "emu": 0.3}]
    assert records([{"cat": 0.2, "dog": 0.8}], Contract(label_only=True)) == [{"cat": 0.0, "dog": 1.0}]


def test_numbers_under_names_that_are_no_probabilities_are_released_one_by_one() -> None:
    rows = [{"price": 123456.0, "risk": 0.12345}, {"price": 0.25, "risk": 0.75}]
    assert records(rows, Contract()) == [{"price": 123500.0, "risk": 0.12}, {"price": 0.25, "risk": 0.75}]


def test_a_confidence_beside_the_classes_does_not_hide_them() -> None:
    row = {"cat": 0.3371, "dog": 0.3379, "bird": 0.325, "confidence": 0.9}
    (released_row,) = records([row], Contract())
    assert released_row["dog"] > released_row["cat"]
    assert records([{"a": 0.61, "b": 0.29, "c": 0.1, "confidence": 0.3}], Contract(top_k=1)) == [
        {"a": 0.61, "b": 0.0, "c": 0.0, "confidence": 0.3}
    ]


def test_the_largest_margin_under_a_name_stays_the_largest() -> None:
    (released_row,) = records([{"cat": 2.00011, "dog": 2.00014, "bird": -1.5}], Contract())
    assert released_row["dog"] > released_row["cat"]


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.01), min_size=1, max_size=5))
def test_the_best_named_class_stays_the_best(weights: list[list[float]]) -> None:
    rows = [{name: weight / sum(row) for name, weight in zip("abc", row, strict=True)} for row in weights]
    for before, after in zip(rows, records(rows, Contract()), strict=True):
        assert max(after, key=lambda name: after[name]) == max(before, key=lambda name: before[name])
