from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import OutputKind
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.predictions import Form, read_predictions

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: value + 0.5)


@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_an_answer_written_down_unchanged_is_the_same_answer(rows: list[list[float]]) -> None:
    named = [dict(zip("ab", row, strict=True)) for row in rows]
    columns = {name: [row[name] for row in named] for name in "ab"}
    for value in (rows, named, columns):
        read = read_predictions("predictions", value, len(rows))
        assert read.write(read.outputs()) == value


def test_outputs_are_found_bare_by_row_and_by_column() -> None:
    assert read_predictions("predictions", [[0.5], [0.25]], 2).form is Form.BARE
    assert read_predictions("predictions", [{"a": 0.5}], 1).form is Form.RECORDS
    assert read_predictions("outputs", {"a": [0.5]}, 1).form is Form.COLUMNS


def test_an_output_that_was_not_released_is_not_written() -> None:
    read = read_predictions("predictions", [{"score": 0.75, "embedding": [0.5, 0.5]}], 1)
    score, _ = read.outputs()
    assert read.write([score]) == [{"score": 0.75}]
    assert read.write([]) == [{}]
    assert read_predictions("predictions", [[0.5]], 1).write([]) is None


def test_a_released_output_is_written_in_the_place_of_the_true_one() -> None:
    read = read_predictions("predictions", [[0.847392, 0.152608]], 1)
    (scores,) = read.outputs()
    assert read.write([replace(scores, numbers=np.array([[0.85, 0.15]]))]) == [[0.85, 0.15]]


def test_labels_and_base64_pass_as_they_are() -> None:
    for value in (["cat", "dog"], [1, 2], [True, False], [{"b64": "AA=="}, {"b64": "AQ=="}]):
        read = read_predictions("predictions", value, 2)
        assert [output.kind for output in read.outputs()] == [OutputKind.LABELS]
        assert read.write(read.outputs()) == value


@pytest.mark.parametrize(
    "value",
    [
        [[0.5]],
        [[0.5], [0.5, 0.5]],
        [[0.5], ["a"]],
        [{"a": 0.5}, {"b": 0.5}],
        [{"a": 0.5}, 0.5],
        {"a": [0.5]},
        [{"b64": "AA=="}, {"b64": 1}],
        0.5,
        None,
    ],
)
def test_an_answer_that_is_not_of_its_form_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_predictions("predictions", value, 2)
