from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Purpose, Route
from moatkeeper.wire.openai_embeddings import EmbeddingsCodec

CODEC = EmbeddingsCodec()
ROUTE = Route("openai", "embeddings", Purpose.INFER)
FLOAT32 = st.floats(-1e6, 1e6, width=32)


def read(**fields: object) -> Asked:
    return CODEC.read(ROUTE, Message((), orjson.dumps({"model": "m", "input": ["a", "b"], **fields})))


def answer(asked: Asked, *rows: object) -> Given:
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    document = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 3}}
    return CODEC.answer(asked, Message((), orjson.dumps(document), 200))


def encoded(values: object) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def delivered(given_answer: Given, released: Answer) -> list[object]:
    document = orjson.loads(CODEC.deliver(given_answer, released, Contract()).body or b"")
    return [entry["embedding"] for entry in document["data"]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(FLOAT32, FLOAT32, FLOAT32), min_size=2, max_size=2), st.booleans(), st.booleans())
def test_vectors_go_through_unchanged_between_any_two_encodings(
    vectors: list[tuple[float, float, float]], server_base64: bool, client_base64: bool
) -> None:
    asked = read(encoding_format="base64" if client_base64 else "float")
    given_answer = answer(asked, *(encoded(row) if server_base64 else list(row) for row in vectors))
    (output,) = given_answer.answer.outputs
    assert output.kind is OutputKind.EMBEDDINGS
    assert output.values is not None
    assert np.array_equal(output.values, np.array(vectors))
    out = delivered(given_answer, given_answer.answer)
    if client_base64:
        assert out == [encoded(row) for row in vectors]
    else:
        assert np.array_equal(np.asarray(out, dtype=np.float32), np.array(vectors, dtype=np.float32))


def test_what_was_released_goes_out_in_place_of_the_servers_vectors() -> None:
    given_answer = answer(read(), [0.6, 0.8, 0.0], [1.0, 0.0, 0.0])
    shorter = Answer((Output("embedding", OutputKind.EMBEDDINGS, np.array([[0.5], [0.25]])),))
    assert delivered(given_answer, shorter) == [[0.5], [0.25]]
    assert delivered(given_answer, Answer(())) == [[], []]


def test_each_input_is_a_row_and_counts_its_tokens() -> None:
    asked = read(input=["abc", "abcd"])
    assert (asked.inputs.kind, asked.inputs.rows, asked.tokens, asked.outputs) == (
        InputKind.TEXTS,
        2,
        3,
        frozenset({"embedding"}),
    )
    assert answer(asked, [1.0], [2.0]).answer.tokens == 3
    assert read(input=[1, 2, 3]).inputs.rows == 1


def test_dimensions_may_only_lower_the_contract() -> None:
    tight = Contract(embedding_dimensions=64)
    for asked_for, sent in ((128, 64), (32, 32), (None, None)):
        body = orjson.loads(CODEC.forward(read(dimensions=asked_for, normalize=False, embed_dtype="fp8"), tight).body or b"")
        assert body == {"model": "m", "input": ["a", "b"], "dimensions": sent}


@pytest.mark.parametrize(
    "fields",
    [{"input": []}, {"input": None}, {"input": [["a"]]}, {"encoding_format": "bytes"}, {"dimensions": 0}, {"dimensions": "9"}],
)
def test_a_bad_request_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedRequest):
        read(**fields)


@pytest.mark.parametrize(
    "rows",
    [
        ([1.0],),  # fewer than asked for
        ([1.0], [1.0, 2.0]),
        ([[1.0]], [[2.0]]),  # one vector a token
        ([], []),
        (["1.0"], ["2.0"]),
        ([None], [None]),
        ([True], [False]),
        ("AAAA", "AAAA"),  # three bytes
        ("!!!!", "!!!!"),
        (encoded([1.0]), encoded([1.0, 2.0])),
        (encoded([1.0]), [1.0]),
        ([1.0], encoded([1.0])),
        (encoded([np.nan]), encoded([1.0])),
        (encoded([np.inf]), encoded([1.0])),
        ([1e300], [1.0]),  # finite, but no float32
        (None, None),
    ],
)
def test_an_answer_of_another_form_is_refused(rows: tuple[object, ...]) -> None:
    with pytest.raises(UnexpectedAnswer):
        answer(read(), *rows)


def test_embeddings_do_not_come_as_a_stream() -> None:
    with pytest.raises(UnexpectedAnswer):
        CODEC.stream(read(), Contract())
