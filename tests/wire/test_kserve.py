"""KServe v2: the official client's bytes in, the official client's parser out, and nothing that the contract removed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import orjson
import pytest
import tritonclient.http as triton

from moatkeeper.core.answer import Answer, Output
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, MethodRefused, UnexpectedAnswer, UnsupportedMedia
from moatkeeper.wire.base import Asked, Codec, Headers, Message, Outgoing, Purpose
from moatkeeper.wire.kserve import KServe
from moatkeeper.wire.tensors import join_strings

FORMAT = KServe()
ROUTE = FORMAT.match("POST", "/v2/models/m/infer")
LENGTH = b"inference-header-content-length"
JSON: Headers = ((b"content-type", b"application/json"),)


def _codec() -> Codec:
    assert ROUTE is not None
    return FORMAT.codec(ROUTE)


def _read(document: object, headers: Headers = JSON) -> Asked:
    assert ROUTE is not None
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return _codec().read(ROUTE, Message(headers, body))


def _triton_request(binary: bool, outputs: list[object] | None = None) -> Message:
    numbers = np.array([[1.5, 2.0], [3.0, 4.0]], dtype=np.float32)
    tensor = triton.InferInput("x", [2, 2], "FP32")
    tensor.set_data_from_numpy(numbers, binary_data=binary)
    words = triton.InferInput("w", [2, 1], "BYTES")
    words.set_data_from_numpy(np.array([["a"], ["b"]], dtype=np.object_), binary_data=binary)
    body, length = triton.InferenceServerClient.generate_request_body([tensor, words], outputs=outputs)
    if length is None:
        return Message(JSON, body)
    return Message(((b"content-type", b"application/octet-stream"), (LENGTH, b"%d" % length)), body)


def _head(outgoing: Outgoing) -> dict[str, object]:
    assert outgoing.body is not None
    length = outgoing.headers.get(LENGTH)
    document = orjson.loads(outgoing.body if length is None else outgoing.body[: int(length)])
    assert isinstance(document, dict)
    return document


def _parsed(outgoing: Outgoing) -> triton.InferResult:
    length = outgoing.headers.get(LENGTH)
    return triton.InferenceServerClient.parse_response_body(
        outgoing.body, header_length=None if length is None else int(length)
    )


def _numbers(outgoing: Outgoing, name: str) -> npt.NDArray[np.generic] | None:
    array: npt.NDArray[np.generic] | None = _parsed(outgoing).as_numpy(name)
    return array


@pytest.mark.parametrize("binary", [True, False])
def test_a_request_of_tritonclient_is_understood_and_forwarded_whole(binary: bool) -> None:
    assert ROUTE is not None
    message = _triton_request(binary, [triton.InferRequestedOutput("p", binary_data=binary)])
    asked = _codec().read(ROUTE, message)
    assert (asked.inputs.kind, asked.inputs.rows, asked.outputs) == (InputKind.RECORDS, 2, frozenset({"p"}))
    forwarded = _codec().forward(asked, FULL_OUTPUT)
    assert forwarded.body is not None
    length = forwarded.headers[LENGTH]
    assert (length is not None) is binary
    given_length = message.header(LENGTH)
    if given_length and length is not None:
        assert forwarded.body[int(length) :] == message.body[int(given_length) :]
        assert orjson.loads(forwarded.body[: int(length)]) == orjson.loads(message.body[: int(given_length)])
    else:
        assert orjson.loads(forwarded.body) == orjson.loads(message.body)


def test_a_binary_answer_is_rounded_and_read_by_tritonclient() -> None:
    assert ROUTE is not None
    asked = _codec().read(ROUTE, _triton_request(True))
    scores = np.array([[0.12345, 0.87655], [0.5, 0.5]], dtype="<f4").tobytes()
    words = join_strings([b"cat", b"dog"])
    head = orjson.dumps(
        {
            "model_name": "m",
            "parameters": {"secret": 1},
            "outputs": [
                {"name": "p", "shape": [2, 2], "datatype": "FP32", "parameters": {"binary_data_size": len(scores)}},
                {"name": "w", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(words)}},
            ],
        }
    )
    headers = ((b"content-type", b"application/octet-stream"), (LENGTH, b"%d" % len(head)))
    answered = _codec().answer(asked, Message(headers, head + scores + words, 200))
    rounded = tuple(
        replace(each, numbers=None if each.values is None else np.round(each.values, 2)) for each in answered.answer.outputs
    )
    delivered = _codec().deliver(answered, Answer(rounded), FULL_OUTPUT)
    assert np.array_equal(_numbers(delivered, "p"), np.array([[0.12, 0.88], [0.5, 0.5]], dtype=np.float32))  # type: ignore[arg-type]
    assert [*(_numbers(delivered, "w") if _numbers(delivered, "w") is not None else ())] == [b"cat", b"dog"]  # type: ignore[misc]
    assert "parameters" not in _head(delivered)


@pytest.mark.parametrize("binary", [True, False])
def test_classification_strings_are_rounded_inside(binary: bool) -> None:
    asked = _read(
        {
            "inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}],
            "outputs": [{"name": "p", "parameters": {"classification": 2, "binary_data": binary}}],
        }
    )
    texts = ["0.912345:2:a:b", "0.087655:0"]
    if binary:
        raw = join_strings([each.encode() for each in texts])
        head = orjson.dumps(
            {"outputs": [{"name": "p", "shape": [1, 2], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}]}
        )
        reply = Message(((b"content-type", b"application/octet-stream"), (LENGTH, b"%d" % len(head))), head + raw, 200)
    else:
        body = orjson.dumps({"outputs": [{"name": "p", "shape": [1, 2], "datatype": "BYTES", "data": texts}]})
        reply = Message(JSON, body, 200)
    answered = _codec().answer(asked, reply)
    (output,) = answered.answer.outputs
    assert output.values is not None
    released = Output(output.name, output.kind, np.round(output.values, 2))
    delivered = _codec().deliver(answered, Answer((released,)), FULL_OUTPUT)
    array = _numbers(delivered, "p")
    assert array is not None
    assert [each.decode() if isinstance(each, bytes) else each for each in array.ravel()] == ["0.91:2:a:b", "0.09:0"]


def test_a_classification_that_is_not_one_is_unexpected() -> None:
    asked = _read(
        {
            "inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.0]}],
            "outputs": [{"name": "p", "parameters": {"classification": 1}}],
        }
    )
    for text in ("cat", "0.5", "nan:1", "0.5:x", ":1", "inf:0"):
        body = orjson.dumps({"outputs": [{"name": "p", "shape": [1, 1], "datatype": "BYTES", "data": [text]}]})
        with pytest.raises(UnexpectedAnswer):
            _codec().answer(asked, Message(JSON, body, 200))


REQUEST = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}]}


def test_declared_outputs_are_asked_for_where_the_client_names_none() -> None:
    forwarded = _codec().forward(_read(REQUEST), Contract(outputs=frozenset({"q", "p"})))
    assert _head(forwarded)["outputs"] == [{"name": "p"}, {"name": "q"}]


def test_undeclared_outputs_are_not_asked_for() -> None:
    asked = _read({**REQUEST, "outputs": [{"name": "p"}, {"name": "transform"}]})
    assert _head(_codec().forward(asked, Contract(outputs=frozenset({"p"}))))["outputs"] == [{"name": "p"}]
    assert _head(_codec().forward(asked, Contract()))["outputs"] == [{"name": "p"}, {"name": "transform"}]
    with pytest.raises(MalformedRequest):
        _codec().forward(asked, Contract(outputs=frozenset({"other"})))


@pytest.mark.parametrize(
    ("contract", "classes"), [(Contract(), 5), (Contract(top_k=3), 3), (Contract(top_k=9), 5), (Contract(label_only=True), 1)]
)
def test_the_number_of_classes_asked_for_is_clamped(contract: Contract, classes: int) -> None:
    asked = _read({**REQUEST, "outputs": [{"name": "p", "parameters": {"classification": 5}}]})
    assert _head(_codec().forward(asked, contract))["outputs"] == [{"name": "p", "parameters": {"classification": classes}}]


@pytest.mark.parametrize("place", ["request", "input", "output"])
def test_shared_memory_is_refused_wherever_it_is_asked_for(place: str) -> None:
    shared = {"parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 8}}
    document: dict[str, object] = {**REQUEST, "outputs": [{"name": "p"}]}
    if place == "request":
        document |= shared
    elif place == "input":
        document["inputs"] = [{"name": "x", "shape": [1, 2], "datatype": "FP32", **shared}]
    else:
        document["outputs"] = [{"name": "p", **shared}]
    with pytest.raises(MalformedRequest):
        _read(document)


def test_unknown_parameters_and_fields_are_not_forwarded() -> None:
    asked = _read({**REQUEST, "trace": 1, "parameters": {"debug": True, "sequence_id": 7}})
    assert _head(_codec().forward(asked, FULL_OUTPUT)) == {**REQUEST, "parameters": {"sequence_id": 7}}


def test_an_embedding_with_fewer_dimensions_has_a_shorter_shape() -> None:
    body = orjson.dumps({"outputs": [{"name": "e", "shape": [1, 3], "datatype": "FP32", "data": [0.5, 0.25, 0.125]}]})
    answered = _codec().answer(_read(REQUEST), Message(JSON, body, 200))
    (output,) = answered.answer.outputs
    assert output.values is not None
    delivered = _codec().deliver(answered, Answer((Output("e", output.kind, output.values[:, :2]),)), FULL_OUTPUT)
    assert _head(delivered)["outputs"] == [{"name": "e", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 0.25]}]


def test_a_single_row_may_come_without_its_axis() -> None:
    body = orjson.dumps({"outputs": [{"name": "p", "shape": [3], "datatype": "FP32", "data": [0.5, 0.25, 0.25]}]})
    answered = _codec().answer(_read(REQUEST), Message(JSON, body, 200))
    (output,) = answered.answer.outputs
    assert output.values is not None
    assert output.values.shape == (1, 3)
    assert _head(_codec().deliver(answered, answered.answer, FULL_OUTPUT)) == orjson.loads(body)


def _input(**changes: object) -> dict[str, object]:
    return {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0], **changes}]}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"inputs": []},
        {"inputs": [1]},
        _input(shape=[1, 3]),
        _input(shape=[0, 2], data=[]),
        _input(shape=None),
        _input(datatype="FP128"),
        _input(data=["1", "2"]),
        _input(data=[[1.0], [2.0, 3.0]]),
        _input(data=[True, False]),
        _input(datatype="INT64"),
        _input(datatype="BYTES"),
        _input(parameters={"binary_data_size": 8}),
        _input(parameters=[]),
        {"inputs": [*_input()["inputs"], *_input()["inputs"]]},  # type: ignore[misc]
        {**_input(), "outputs": {}},
        {**_input(), "outputs": [{}]},
        {**_input(), "outputs": [{"name": "p"}, {"name": "p"}]},
        {**_input(), "outputs": [{"name": "p", "parameters": {"classification": "3"}}]},
        {**_input(), "id": 7},
    ],
)
def test_an_impossible_request_is_malformed(document: object) -> None:
    with pytest.raises(MalformedRequest):
        _read(document)


@pytest.mark.parametrize("length", [b"-1", b"x", b"99999", b"1e3", b"0x10", b"9" * 400])
def test_a_lying_header_length_is_malformed(length: bytes) -> None:
    with pytest.raises(MalformedRequest):
        _read(orjson.dumps(REQUEST), (*JSON, (LENGTH, length)))


def test_binary_data_must_belong_to_a_tensor() -> None:
    head = orjson.dumps(REQUEST)
    with pytest.raises(MalformedRequest):
        _read(head + b"rest", (*JSON, (LENGTH, b"%d" % len(head))))


def test_a_raw_body_without_a_document_is_refused() -> None:
    with pytest.raises(UnsupportedMedia):
        _read(b"\x00" * 8, ((b"content-type", b"application/octet-stream"),))


@pytest.mark.parametrize(
    "outputs",
    [
        [{"name": "p", "shape": [1, 2], "datatype": "FP32", "data": [0.5]}],
        [{"name": "p", "shape": [1, 1], "datatype": "FP32", "data": ["0.5"]}],
        [{"name": "p", "shape": [1, 1], "datatype": "INT32", "data": [0.5]}],
        [{"name": "p", "shape": [1, 1], "datatype": "BYTES", "data": [0.5]}],
        [{"name": "p", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}] * 2,
        [{"name": "p", "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}],
        [{"name": "p", "shape": [1, 1], "datatype": "FP32"}],
        ["p"],
        {},
    ],
)
def test_an_answer_that_contradicts_itself_is_unexpected(outputs: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        _codec().answer(_read(REQUEST), Message(JSON, orjson.dumps({"outputs": outputs}), 200))


@pytest.mark.parametrize("shape", [[1, 6], [3, 2], [6], []])
def test_two_rows_are_answered_by_two_rows_only(shape: list[int]) -> None:
    asked = _read({"inputs": [{"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1.0, 2.0]}]})
    body = orjson.dumps({"outputs": [{"name": "p", "shape": shape, "datatype": "FP32", "data": [0.5] * (6 if shape else 1)}]})
    with pytest.raises(UnexpectedAnswer):
        _codec().answer(asked, Message(JSON, body, 200))


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/v2", "metadata"),
        ("/v2/health/live", "health"),
        ("/v2/health/ready", "health"),
        ("/v2/models/m", "metadata"),
        ("/v2/models/m/ready", "health"),
        ("/v2/models/m/versions/1", "metadata"),
        ("/v2/models/m/versions/1/ready", "health"),
    ],
)
def test_health_and_metadata_are_plain(path: str, operation: str) -> None:
    route = FORMAT.match("GET", path)
    assert route is not None
    assert (route.purpose, route.operation) == (Purpose.PLAIN, operation)
    with pytest.raises(MethodRefused):
        FORMAT.match("POST", path)


def test_inference_takes_post_only() -> None:
    with pytest.raises(MethodRefused):
        FORMAT.match("GET", "/v2/models/m/infer")
