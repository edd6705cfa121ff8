"""MLflow and SageMaker: what MLflow's own parser makes of what we forward, and what its writer's answers become."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import numpy as np
import orjson
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, MethodRefused, UnexpectedAnswer
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.wire.base import Asked, Headers, Message, Outgoing, Purpose
from moatkeeper.wire.mlflow import MLflow

with warnings.catch_warnings():  # MLflow warns of its own type hints while it is imported
    warnings.simplefilter("ignore")
    from mlflow.pyfunc import scoring_server

FORMAT = MLflow()
ROUTE = FORMAT.match("POST", "/invocations")
JSON: Headers = ((b"content-type", b"application/json"),)
CSV: Headers = ((b"content-type", b"text/csv"),)
FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})


def _read(body: object, headers: Headers = JSON) -> Asked:
    assert ROUTE is not None
    return FORMAT.codec(ROUTE).read(ROUTE, Message(headers, body if isinstance(body, bytes) else orjson.dumps(body)))


def _forward(asked: Asked) -> Outgoing:
    return FORMAT.codec(asked.route).forward(asked, FULL_OUTPUT)


def _release(asked: Asked, body: bytes, contract: Contract, headers: Headers = JSON) -> bytes:
    codec = FORMAT.codec(asked.route)
    answered = codec.answer(asked, Message(headers, body, 200))
    delivered = codec.deliver(answered, LeastOutput().release(answered.answer, contract), contract).body
    assert delivered is not None
    return delivered


def _written(predictions: object) -> bytes:
    """An answer as MLflow writes it."""
    out = io.StringIO()
    scoring_server.predictions_to_json(predictions, out)
    return out.getvalue().encode()


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": FRAME.to_dict(orient="split")},
        {"dataframe_records": FRAME.to_dict(orient="records")},
    ],
)
def test_mlflow_reads_the_same_frame_from_what_is_forwarded(document: Mapping[str, object]) -> None:
    asked = _read(document)
    assert (asked.inputs.kind, asked.inputs.rows) == (InputKind.RECORDS, 2)
    body = _forward(asked).body
    assert body is not None
    data, _ = scoring_server._split_data_and_params(body.decode())
    assert_frame_equal(scoring_server.infer_and_parse_data(data), FRAME)


def test_mlflow_reads_the_same_tensor_from_what_is_forwarded() -> None:
    for document in ({"instances": [[1.0, 2.0]]}, {"inputs": [[1.0, 2.0]]}):
        body = _forward(_read(document)).body
        assert body is not None
        data, _ = scoring_server._split_data_and_params(body.decode())
        assert np.array_equal(scoring_server.infer_and_parse_data(data), np.array([[1.0, 2.0]]))


def test_mlflow_reads_the_same_frame_from_the_forwarded_table() -> None:
    body = 'a,b\n1.5,"x, ""quoted"""\n2.5,"two\nlines"\n'
    asked = _read(body.encode(), CSV)
    assert asked.inputs.rows == 2
    forwarded = _forward(asked)
    assert forwarded.body is not None
    assert forwarded.headers[b"content-type"] == b"text/csv; charset=utf-8"
    read = scoring_server.parse_csv_input(io.StringIO(forwarded.body.decode()))
    assert_frame_equal(read, pd.read_csv(io.StringIO(body)))


def test_parameters_go_on_and_unknown_fields_do_not() -> None:
    body = _forward(_read({"instances": [1.0], "params": {"t": 1}, "explain": True})).body
    assert body is not None
    assert orjson.loads(body) == {"instances": [1.0], "params": {"t": 1}}


@pytest.mark.parametrize(
    ("predictions", "released"),
    [
        (np.array([0.12345, 0.98765]), [0.12, 0.99]),
        (np.array([[0.12345, 0.87655], [0.5, 0.5]]), [[0.12, 0.88], [0.5, 0.5]]),
        (pd.Series([12.345678, 0.5]), [{"0": 12.35}, {"0": 0.5}]),
        (pd.DataFrame({"p": [0.12345, 0.5], "c": ["x", "y"]}), [{"p": 0.12, "c": "x"}, {"p": 0.5, "c": "y"}]),
        (np.array([1, 0]), [1, 0]),
        (["cat", "dog"], ["cat", "dog"]),
    ],
)
def test_what_mlflow_writes_is_read_and_minimised(predictions: object, released: object) -> None:
    asked = _read({"dataframe_split": FRAME.to_dict(orient="split")})
    assert orjson.loads(_release(asked, _written(predictions), Contract())) == {"predictions": released}


def test_undeclared_columns_of_records_vanish() -> None:
    asked = _read({"dataframe_split": FRAME.to_dict(orient="split")})
    answer = _written(pd.DataFrame({"p": [0.5, 0.25], "margin": [1.5, 2.5]}))
    released = _release(asked, answer, Contract(outputs=frozenset({"p"})))
    assert orjson.loads(released) == {"predictions": [{"p": 0.5}, {"p": 0.25}]}
    assert orjson.loads(_release(asked, answer, Contract(outputs=frozenset({"x"})))) == {"predictions": [{}, {}]}


def test_plain_arrays_are_answered_by_plain_arrays() -> None:
    asked = _read([[1.0, 2.0], [3.0, 4.0]])
    assert asked.inputs.rows == 2
    assert orjson.loads(_release(asked, b"[0.12345,0.5]", Contract())) == [0.12, 0.5]
    assert orjson.loads(_release(asked, b"[0.12345,0.5]", Contract(outputs=frozenset({"x"})))) == []


def test_a_table_answered_by_a_table_keeps_its_labels_and_loses_digits() -> None:
    asked = _read(b"1.0,2.0\n3.0,4.0\n", CSV)
    assert _release(asked, b"cat,0.12345,0.87655\ndog,0.5,0.5\n", Contract(), CSV) == b"cat,0.12,0.88\ndog,0.5,0.5\n"
    assert _release(asked, b"name,p\ncat,0.12345\ndog,0.5\n", Contract(), CSV) == b"name,p\ncat,0.12\ndog,0.5\n"
    assert _release(asked, b"1\n0\n", Contract(), CSV) == b"1\n0\n"
    assert _release(asked, b"0.12345\n0.5\n", Contract(outputs=frozenset({"x"})), CSV) == b""


def test_a_table_of_numbers_may_lose_its_first_line_to_mlflow() -> None:
    asked = _read(b"1.0,2.0\n3.0,4.0\n", CSV)
    assert asked.inputs.rows == 2
    assert orjson.loads(_release(asked, b'{"predictions":[0.12345]}', Contract())) == {"predictions": [0.12]}
    with pytest.raises(UnexpectedAnswer):
        _release(asked, b'{"predictions":[0.5,0.5,0.5,0.5]}', Contract())


@pytest.mark.parametrize("body", [b"", b"\n\n", b"a,b\n", b"a,b\n1\n", b'a\n"1', b"a\n\xff\n", b"a\ninf\n", b"a\n-1e999\n"])
def test_a_broken_table_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        _read(body, CSV)


@pytest.mark.parametrize(
    "body", [b"", b"0.5\n", b"0.5\nnan\n", b"0.5\ninf\n", b"0.5\ncat\n", b"0.5\n0.5,0.5\n", b"\xff\n\xff\n"]
)
def test_a_broken_table_in_an_answer_is_unexpected(body: bytes) -> None:
    asked = _read({"dataframe_split": FRAME.to_dict(orient="split")})
    with pytest.raises(UnexpectedAnswer):
        _release(asked, body, Contract(), CSV)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"messages": []},
        {"prompt": "x"},
        {"instances": [1.0], "inputs": [1.0]},
        {"instances": [1.0], "params": 7},
        {"dataframe_split": []},
        {"dataframe_split": {"data": []}},
        {"dataframe_split": {"data": [1.0]}},
        {"dataframe_split": {"columns": ["a"], "data": [[1.0, 2.0]]}},
        {"dataframe_split": {"columns": ["a"], "index": [0, 1], "data": [[1.0]]}},
        {"dataframe_records": [[1.0]]},
        {"dataframe_records": {"a": 1}},
        [],
        [[1.0], [1.0, 2.0]],
        7,
    ],
)
def test_a_body_in_none_of_the_forms_is_malformed(document: object) -> None:
    with pytest.raises(MalformedRequest):
        _read(document)


def test_missing_cells_of_a_frame_are_numbers_that_are_not_there() -> None:
    inputs = _read({"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, None]]}}).inputs
    assert inputs.kind is InputKind.NUMBERS
    assert np.isnan(inputs.numbers()[0, 1])


def test_predictions_of_whole_numbers_are_labels() -> None:
    asked = _read({"instances": [1.0]})
    (output,) = FORMAT.codec(asked.route).answer(asked, Message(JSON, b'{"predictions":[7]}', 200)).answer.outputs
    assert output.kind is OutputKind.LABELS


def test_health_is_plain() -> None:
    for path in ("/ping", "/health", "/version"):
        route = FORMAT.match("GET", path)
        assert route is not None
        assert route.purpose is Purpose.PLAIN
        with pytest.raises(MethodRefused):
            FORMAT.match("POST", path)
    with pytest.raises(MethodRefused):
        FORMAT.match("GET", "/invocations")


def test_errors_carry_mlflows_codes() -> None:
    codes = [orjson.loads(FORMAT.refusal(None, status, "m"))["error_code"] for status in (400, 415, 429, 500, 502, 503)]
    assert codes == [
        "BAD_REQUEST",
        "BAD_REQUEST",
        "REQUEST_LIMIT_EXCEEDED",
        "INTERNAL_ERROR",
        "INTERNAL_ERROR",
        "TEMPORARILY_UNAVAILABLE",
    ]
