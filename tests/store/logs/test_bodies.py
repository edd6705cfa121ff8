"""Bodies of requests and responses: what can be read of each API, and what is refused with a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.store.logs.base import Unreadable
from moatkeeper.store.logs.bodies import answered, asked, document

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["instances", "inputs", "messages", "prompt", "data", "shape", "name", "predictions", "outputs", "role"]
            ),
            part,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1, 2], [3, 4]]},
        {"inputs": [[1, 2], [3, 4]]},
        {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}]},
        {"inputs": [{"name": "b", "shape": [2, 1], "data": [2, 4]}, {"name": "a", "shape": [2], "data": [1, 3]}]},
        {"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1], [4, 3]]}},
        {"dataframe_records": [{"a": 1, "b": 2}, {"b": 4, "a": 3}]},
        {"inputs": {"a": [1, 3], "b": [2, 4]}},
        [[1, 2], [3, 4]],
        {"instances": [[[1], [2]], [[3], [4]]]},
    ],
)
def test_the_same_rows_in_every_api(body: object) -> None:
    found = asked(body)
    assert found.rows == 2
    assert found.numbers is not None
    assert [list(row) for row in found.numbers] == [[1, 2], [3, 4]]


def test_chats_prompts_and_inputs_of_texts() -> None:
    chat = asked(
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "One"},
                {"role": "assistant", "content": None},
                {"role": "user", "content": [{"type": "text", "text": "Two"}, {"type": "image_url", "image_url": {}}]},
            ],
        }
    )
    assert (chat.texts, chat.turns, chat.model) == (["Two"], 2, "m")
    assert chat.system == "Be brief."
    assert asked({"prompt": ["a", "b"]}).texts == ["a", "b"]
    assert asked({"input": "embed me"}).texts == ["embed me"]


@pytest.mark.parametrize(
    ("body", "scores", "labels"),
    [
        ({"predictions": [[0.25, 0.75], [0.5, 0.5]]}, [[0.25, 0.75], [0.5, 0.5]], None),
        ({"predictions": [0.25, 0.5]}, [[0.25], [0.5]], None),
        ({"predictions": ["yes", "no"]}, None, ["yes", "no"]),
        ({"predictions": [1, 0]}, None, [1, 0]),
        (
            {"predictions": [{"label": 1, "probabilities": [0.1, 0.9]}, {"label": 0, "probabilities": [1.0, 0.0]}]},
            [[0.1, 0.9], [1.0, 0.0]],
            None,
        ),
        ({"outputs": [{"name": "p", "shape": [2, 2], "data": [0.1, 0.9, 1.0, 0.0]}]}, [[0.1, 0.9], [1.0, 0.0]], None),
        ({"predictions": [[0.1, 0.9]]}, None, None),
        ({"error": "no"}, None, None),
        (None, None, None),
    ],
)
def test_answers_in_every_api(body: object, scores: object, labels: object) -> None:
    found = answered(body, 2)
    assert (found.scores, found.labels) == (scores, labels)


def test_tokens_are_those_generated() -> None:
    assert answered({"choices": [], "usage": {"completion_tokens": 12}, "model": "m"}, 1).tokens == 12
    assert answered({"output": [], "usage": {"output_tokens": 7}}, 1).tokens == 7


@pytest.mark.parametrize("body", [7, {}, {"instances": []}, {"instances": [[1], [1, 2]]}, {"prompt": 3}, {"inputs": 5}])
def test_what_is_no_request_is_refused(body: object) -> None:
    with pytest.raises(Unreadable, match="expected"):
        asked(body)


def test_a_body_that_is_no_json_is_refused() -> None:
    assert document('{"a": 1}', "request") == {"a": 1}
    with pytest.raises(Unreadable, match="found a request that is no JSON"):
        document("{", "request")


@given(JSON)
def test_whatever_a_body_is_it_is_read_or_refused(body: object) -> None:
    try:
        found = asked(body)
    except (Unreadable, TypeError, KeyError, ValueError, AttributeError):
        return  # piece_reader counts each of these as a broken line
    answered(body, found.rows)
