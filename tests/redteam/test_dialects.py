"""What each dialect writes and reads; that real servers understand it is tested in tests/e2e/test_attack.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moatkeeper.errors import UnexpectedAnswer, UsageError
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.dialects import Wire
from moatkeeper.redteam.dialects_openai import chat_dialect, token_dialect
from moatkeeper.redteam.dialects_rows import row_dialect, text_dialect

ROWS = np.array([[1.0, 2.0], [3.0, 4.5]])
SCORES = [[0.25, 0.75], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("wire", "path", "body"),
    [
        (Wire("tensorflow"), "/v1/models/m%20x:predict", {"instances": ROWS.tolist()}),
        (
            Wire("kserve", input="x", datatype="FP32"),
            "/v2/models/m%20x/infer",
            {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": ROWS.tolist()}]},
        ),
        (Wire("mlflow"), "/invocations", {"inputs": ROWS.tolist()}),
        (
            Wire("mlflow", columns=("a", "b")),
            "/invocations",
            {"dataframe_split": {"columns": ["a", "b"], "data": ROWS.tolist()}},
        ),
        (
            Wire("generic", route="POST /score/{model}", input_path="$.batch[*].features"),
            "/score/m%20x",
            {"batch": [{"features": [1.0, 2.0]}, {"features": [3.0, 4.5]}]},
        ),
    ],
)
def test_rows_are_written_as_the_format_wants_them(wire: Wire, path: str, body: object) -> None:
    dialect = row_dialect(wire)
    assert dialect.path("m x") == path
    assert dialect.encode(ROWS, "m x") == body


@pytest.mark.parametrize(
    ("wire", "document"),
    [
        (Wire("tensorflow"), {"predictions": SCORES}),
        (Wire("tensorflow"), {"predictions": [{"p": SCORES[0]}, {"p": SCORES[1]}]}),
        (Wire("tensorflow", output="p"), {"predictions": [{"p": SCORES[0], "q": 1}, {"p": SCORES[1], "q": 2}]}),
        (Wire("kserve"), {"outputs": [{"name": "p", "shape": [2, 2], "data": [0.25, 0.75, 1.0, 0.0]}]}),
        (Wire("kserve", output="p"), {"outputs": [{"name": "q", "data": [9, 9]}, {"name": "p", "data": SCORES}]}),
        (Wire("mlflow"), {"predictions": SCORES}),
        (Wire("mlflow", labels=("b", "a")), {"predictions": SCORES}),
        (Wire("generic", route="POST /s", output_path="$.r[*].p"), {"r": [{"p": SCORES[0]}, {"p": SCORES[1]}]}),
    ],
)
def test_scores_are_read_from_where_the_format_has_them(wire: Wire, document: object) -> None:
    assert row_dialect(wire).decode(document, 2).tolist() == SCORES


def test_decisions_are_read_as_one_hot_among_the_named_classes() -> None:
    read = row_dialect(Wire("mlflow", labels=("deny", "grant"))).decode
    assert read({"predictions": ["grant", "deny"]}, 2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(UnexpectedAnswer, match="found class 'perhaps', expected one of deny, grant"):
        read({"predictions": ["grant", "perhaps"]}, 2)


def test_decisions_without_named_classes_are_refused_with_advice() -> None:
    with pytest.raises(UnexpectedAnswer, match="name the classes with --labels"):
        row_dialect(Wire("mlflow")).decode({"predictions": ["grant", "deny"]}, 2)


@pytest.mark.parametrize("name", ["tensorflow", "kserve", "mlflow", "generic"])
@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "x", 3, {}, {"predictions": None}, {"predictions": SCORES[:1]}, {"predictions": [[1.0], [1.0, 2.0]]}),
        *({"outputs": []}, {"outputs": [{"name": "p"}]}, {"outputs": [{"name": "p", "data": [1.0, 2.0, 3.0]}]}),
        *({"predictions": [{"a": 1, "b": 2}, {"a": 1, "b": 2}]}, {"predictions": [{"a": 1}, 3]}, {"scores": "x"}),
    ],
)
def test_nonsense_is_an_unexpected_answer(name: str, document: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        row_dialect(Wire(name, route="POST /s")).decode(document, 2)


@pytest.mark.parametrize("wire", [Wire("nonsense"), Wire("openai-chat"), Wire("generic"), Wire("generic", route="GET /x")])
def test_a_format_that_carries_no_rows_is_refused(wire: Wire) -> None:
    with pytest.raises(UsageError):
        row_dialect(wire)


def test_texts_are_written_and_embeddings_read_in_their_order() -> None:
    dialect = text_dialect(Wire("openai-embeddings"))
    assert dialect.encode(["a", "b"], "m") == {"model": "m", "input": ["a", "b"], "encoding_format": "float"}
    data = [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}]
    assert dialect.decode({"data": data}, 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert text_dialect(Wire("kserve")).encode(["a"], "m") == {
        "inputs": [{"name": "input", "shape": [1], "datatype": "BYTES", "data": ["a"]}]
    }


def test_a_chat_model_classifies_by_the_log_probabilities_of_its_labels() -> None:
    dialect = text_dialect(Wire("openai-chat", labels=("yes", "no")))
    top = [{"token": " yes", "logprob": math.log(0.7)}, {"token": "maybe", "logprob": math.log(0.2)}]
    shown = {"choices": [{"message": {"content": "yes"}, "logprobs": {"content": [{"top_logprobs": top}]}}]}
    assert dialect.decode(shown, 1) == pytest.approx(np.array([[0.7, 0.0]]))
    bare = {"choices": [{"message": {"content": " no\n"}, "logprobs": None}]}
    assert dialect.decode(bare, 1).tolist() == [[0.0, 1.0]]
    with pytest.raises(UnexpectedAnswer):
        dialect.decode({"choices": [{"message": {"content": "well"}}]}, 1)
    with pytest.raises(UsageError):
        text_dialect(Wire("openai-chat"))


def test_a_chat_is_one_prompt_and_what_is_written() -> None:
    dialect = chat_dialect(Wire("openai-chat", max_tokens=7))
    messages = [{"role": "user", "content": "hello"}]
    assert dialect.encode(["hello"], "m") == {"model": "m", "messages": messages, "temperature": 0, "max_tokens": 7}
    assert dialect.decode({"choices": [{"message": {"content": "hi"}}]}, 1) == ["hi"]
    wrong: list[object] = [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}]
    for document in wrong:
        with pytest.raises(UnexpectedAnswer):
            dialect.decode(document, 1)
    with pytest.raises(UsageError):
        chat_dialect(Wire("tensorflow"))


def test_next_tokens_are_told_by_number_or_by_the_texts_of_the_vocabulary() -> None:
    by_number = token_dialect(Wire("openai-completions", shown=2))
    asked = by_number.encode([Prefix((1, 2), {5: 10.0})], "m")
    assert asked == {
        "model": "m",
        "prompt": [1, 2],
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 2,
        "logit_bias": {"5": 10.0},
        "return_tokens_as_token_ids": True,
    }
    shown = {"tokens": ["token_id:5"], "top_logprobs": [{"token_id:5": -0.1, "token_id:7": -2.5}]}
    assert by_number.decode({"choices": [{"text": "x", "logprobs": shown}]}, 1) == [NextToken(5, {5: -0.1, 7: -2.5})]
    by_text = token_dialect(Wire("openai-completions", tokens=("a", "b")))
    assert by_text.decode({"choices": [{"text": "b", "logprobs": None}]}, 1) == [NextToken(1)]
    for choice in ({"text": "c"}, {"text": 3}, {"text": "a", "logprobs": {"top_logprobs": [3]}}):
        with pytest.raises(UnexpectedAnswer):
            by_text.decode({"choices": [choice]}, 1)
    with pytest.raises(UsageError):
        token_dialect(Wire("mlflow"))
