"""The laws of every wire format: numbers survive, removed outputs are gone, and bad bytes end in our own errors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.errors import RequestError, RouteRefused, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Codec, Given, Headers, Message, Purpose, Route, WireFormat
from moatkeeper.wire.generic import GenericRoute, build
from moatkeeper.wire.registry import FORMATS, default_formats, resolve

JSON: Headers = ((b"content-type", b"application/json"),)
CSV: Headers = ((b"content-type", b"text/csv"),)

GENERIC = build(
    [
        GenericRoute(
            "POST /score/{model}",
            input="$.features",
            label="$.label",
            scores="$.probs[*]",
            embedding="$.more.vec",
            keep=("$.more.note",),
        ),
        GenericRoute("POST /rows", input="$.items[*].x", values="$.results[*].value", scores="$.results[*].classes"),
    ]
)
ALL_FORMATS = (GENERIC, *default_formats())


@dataclass(frozen=True)
class Sample:
    """One exchange: a request, the answer to it, and the numbers in that answer."""

    format: str
    path: str
    request: bytes
    reply: bytes
    numbers: tuple[float, ...]
    headers: Headers = JSON
    reply_headers: Headers = JSON


def _binary(document: dict[str, object], *tails: bytes) -> tuple[Headers, bytes]:
    head = orjson.dumps(document)
    headers = ((b"content-type", b"application/octet-stream"), (b"inference-header-content-length", b"%d" % len(head)))
    return headers, head + b"".join(tails)


def _tensor(name: str, shape: list[int], datatype: str, size: int) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}


_BINARY_HEADERS, _BINARY_REQUEST = _binary({"inputs": [_tensor("x", [2, 2], "FP32", 16)]}, np.zeros(4, dtype="<f4").tobytes())
_BINARY_REPLY_HEADERS, _BINARY_REPLY = _binary(
    {"model_name": "m", "outputs": [_tensor("p", [2, 2], "FP64", 32), _tensor("c", [2], "INT64", 16)]},
    np.array([0.25, 0.75, 0.125, 0.875]).tobytes(),
    np.array([1, 0], dtype="<i8").tobytes(),
)

SAMPLES = (
    Sample(
        "tensorflow",
        "/v1/models/m:predict",
        b'{"instances":[[1.0,2.0],[3.0,4.0]]}',
        b'{"predictions":[[0.25,0.75],[0.125,0.875]]}',
        (0.25, 0.75, 0.125, 0.875),
    ),
    Sample(
        "tensorflow",
        "/v1/models/m/versions/3:predict",
        b'{"signature_name":"serving_default","instances":[{"a":1.0},{"a":2.0}]}',
        b'{"predictions":[{"p":[0.25,0.75],"c":"cat"},{"p":[0.5,0.5],"c":"dog"}]}',
        (0.25, 0.75, 0.5, 0.5),
    ),
    Sample(
        "tensorflow",
        "/v1/models/m/labels/stable:predict",
        b'{"inputs":{"a":[1.0,2.0],"b":[[1],[2]]}}',
        b'{"outputs":{"p":[[0.25,0.75],[0.5,0.5]],"c":[1,0]}}',
        (0.25, 0.75, 0.5, 0.5),
    ),
    Sample(
        "tensorflow",
        "/v1/models/m:classify",
        b'{"context":{"z":1},"examples":[{"a":1.0},{"a":2.0}]}',
        b'{"result":[[["cat",0.25],["dog",0.75]],[["cat",1],["dog",0]]]}',
        (0.25, 0.75, 1.0, 0.0),
    ),
    Sample("tensorflow", "/v1/models/m:regress", b'{"examples":[{"a":1.0}]}', b'{"result":[2.5]}', (2.5,)),
    Sample(
        "kserve",
        "/v2/models/m/infer",
        b'{"id":"7","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3.5,4]}],"outputs":[{"name":"p"}]}',
        b'{"model_name":"m","id":"7","outputs":[{"name":"p","shape":[2,2],"datatype":"FP32","data":[0.25,0.75,0.5,0.5]}]}',
        (0.25, 0.75, 0.5, 0.5),
    ),
    Sample(
        "kserve",
        "/v2/models/m/versions/1/infer",
        b'{"inputs":[{"name":"x","shape":[2,2],"datatype":"INT64","data":[[1,2],[3,4]]}]}',
        b'{"outputs":[{"name":"p","shape":[2,2],"datatype":"FP32","data":[[0.25,0.75],[0.5,0.5]]},'
        b'{"name":"c","shape":[2,1],"datatype":"BYTES","data":["a","b"]}]}',
        (0.25, 0.75, 0.5, 0.5),
    ),
    Sample(
        "kserve",
        "/v2/models/m/infer",
        b'{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1.5]}],'
        b'"outputs":[{"name":"p","parameters":{"classification":2}}]}',
        b'{"outputs":[{"name":"p","shape":[1,2],"datatype":"BYTES","data":["0.75:1:dog","0.25:0:cat"]}]}',
        (0.75, 0.25),
    ),
    Sample(
        "kserve",
        "/v2/models/m/infer",
        _BINARY_REQUEST,
        _BINARY_REPLY,
        (0.25, 0.75, 0.125, 0.875),
        _BINARY_HEADERS,
        _BINARY_REPLY_HEADERS,
    ),
    Sample(
        "mlflow",
        "/invocations",
        b'{"dataframe_split":{"columns":["a","b"],"data":[[1.0,"x"],[2.0,"y"]]},"params":{"t":1}}',
        b'{"predictions":[0.25,0.5]}',
        (0.25, 0.5),
    ),
    Sample(
        "mlflow",
        "/invocations",
        b'{"dataframe_records":[{"a":1.0},{"a":2.0}]}',
        b'{"predictions":[{"p":0.25,"q":1},{"p":0.5,"q":2}]}',
        (0.25, 0.5),
    ),
    Sample("mlflow", "/invocations", b'{"instances":[[1.0,2.0]]}', b'{"predictions":[[0.25,0.75]]}', (0.25, 0.75)),
    Sample("mlflow", "/invocations", b'{"inputs":{"a":[1.0,2.0]}}', b'{"predictions":[0.25,0.5]}', (0.25, 0.5)),
    Sample("mlflow", "/invocations", b"[[1.0,2.0]]", b"[[0.25,0.75]]", (0.25, 0.75)),
    Sample("mlflow", "/invocations", b"a,b\n1.0,x\n2.0,y\n", b"0.25,cat\n0.5,dog\n", (0.25, 0.5), CSV, CSV),
    Sample(
        "generic",
        "/score/fraud",
        b'{"features":[1.0,2.0],"trace":true}',
        b'{"label":"cat","probs":[0.25,0.75],"more":{"vec":[1.5,-2.5],"note":"n"},"debug":{"logit":3.25}}',
        (0.25, 0.75, 1.5, -2.5),
    ),
    Sample(
        "generic",
        "/rows",
        b'{"items":[{"x":[1.0]},{"x":[2.0]}]}',
        b'{"results":[{"value":1.5,"classes":{"a":0.25,"b":0.75}},{"value":2,"classes":{"a":0.5,"b":0.5}}]}',
        (0.25, 0.75, 0.5, 0.5, 1.5, 2.0),
    ),
)


@dataclass(frozen=True)
class Exchanged:
    """A sample after all its steps up to the answer."""

    codec: Codec
    asked: Asked
    given: Given


def _route(sample: Sample) -> tuple[WireFormat, Route]:
    return resolve(ALL_FORMATS, "POST", sample.path)


def _read(sample: Sample, body: bytes) -> tuple[Codec, Asked]:
    wire, route = _route(sample)
    codec = wire.codec(route)
    return codec, codec.read(route, Message(sample.headers, body))


def _exchange(sample: Sample, contract: Contract = FULL_OUTPUT) -> Exchanged:
    codec, asked = _read(sample, sample.request)
    codec.forward(asked, contract)
    return Exchanged(codec, asked, codec.answer(asked, Message(sample.reply_headers, sample.reply, 200)))


def _numbers(answer: Answer) -> list[float]:
    return [float(each) for output in answer.outputs if output.values is not None for each in output.values.ravel()]


def _deliver(exchanged: Exchanged, released: Answer, sample: Sample, contract: Contract = FULL_OUTPUT) -> Message:
    """What the caller gets, with the header fields as the format sets them."""
    outgoing = exchanged.codec.deliver(exchanged.given, released, contract)
    assert outgoing.body is not None
    kept = [pair for pair in sample.reply_headers if pair[0] not in outgoing.headers]
    added = [(name, value) for name, value in outgoing.headers.items() if value is not None]
    return Message((*kept, *added), outgoing.body, 200)


every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: f"{each.format}-{SAMPLES.index(each)}")


def test_every_registered_format_of_tensors_has_samples() -> None:
    assert {sample.format for sample in SAMPLES} == {"generic", *FORMATS} - {"openai"}  # its contract is text, tested apart


@every_sample
def test_a_sample_belongs_to_its_format_and_asks_the_model(sample: Sample) -> None:
    wire, route = _route(sample)
    assert (wire.name, route.format, route.purpose) == (sample.format, sample.format, Purpose.INFER)


@every_sample
def test_an_answer_released_as_it_is_keeps_all_its_numbers(sample: Sample) -> None:
    exchanged = _exchange(sample)
    assert _numbers(exchanged.given.answer) == list(sample.numbers)
    delivered = _deliver(exchanged, exchanged.given.answer, sample)
    again = exchanged.codec.answer(exchanged.asked, delivered)
    assert _numbers(again.answer) == list(sample.numbers)
    assert [output.name for output in again.answer.outputs] == [output.name for output in exchanged.given.answer.outputs]


@every_sample
def test_released_numbers_replace_the_true_ones_everywhere(sample: Sample) -> None:
    exchanged = _exchange(sample)
    true = exchanged.given.answer.outputs
    changed = tuple(
        Output(each.name, each.kind, None if each.values is None else np.full_like(each.values, 0.0625)) for each in true
    )
    delivered = _deliver(exchanged, Answer(changed), sample)
    again = exchanged.codec.answer(exchanged.asked, delivered)
    assert set(_numbers(again.answer)) == {0.0625}


@every_sample
def test_an_output_that_is_not_released_leaves_no_trace(sample: Sample) -> None:
    exchanged = _exchange(sample)
    for dropped in exchanged.given.answer.outputs:
        kept = tuple(output for output in exchanged.given.answer.outputs if output.name != dropped.name)
        delivered = _deliver(exchanged, Answer(kept), sample)
        if kept:
            again = exchanged.codec.answer(exchanged.asked, delivered)
            assert {output.name for output in again.answer.outputs} == {output.name for output in kept}
        else:
            assert b"0.25" not in delivered.body
            assert b"0.75" not in delivered.body
            assert b"2.5" not in delivered.body


@every_sample
def test_what_is_forwarded_is_read_as_the_same_request(sample: Sample) -> None:
    codec, asked = _read(sample, sample.request)
    outgoing = codec.forward(asked, FULL_OUTPUT)
    assert outgoing.body is not None
    headers = tuple((name, value) for name, value in outgoing.headers.items() if value is not None)
    again = codec.read(asked.route, Message(headers, outgoing.body))
    assert (again.inputs.kind, again.inputs.rows, again.outputs) == (asked.inputs.kind, asked.inputs.rows, asked.outputs)
    assert outgoing.headers[b"accept-encoding"] == b"identity"


def _only_request_errors(attempt: Callable[[], object]) -> None:
    with suppress(RequestError):
        attempt()


def _only_unexpected_answers(attempt: Callable[[], object]) -> None:
    with suppress(UnexpectedAnswer):
        attempt()


def _mutated(data: st.DataObject, body: bytes) -> bytes:
    """A valid body with a stretch of it replaced: most bytes still fit, so the fault lies deep."""
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 8)))
    middle = data.draw(
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b"NaN", b"1e999", b"null", b"[]", b"{}", b"[[", b"-1", b'"x"', b"0.5", b"99999999999999999999", b"true", b","]
            ),
        )
    )
    return body[:start] + middle + body[end:]


_NAMES = (
    *("instances", "inputs", "examples", "name", "shape", "datatype", "data", "outputs", "parameters", "features", "b64"),
    *("predictions", "result", "dataframe_split", "dataframe_records", "columns", "label", "probs", "items", "x"),
)
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
_documents = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
).map(orjson.dumps)


def _request_through(sample: Sample, body: bytes) -> None:
    codec, asked = _read(sample, body)
    assert asked.inputs.rows >= 1
    codec.forward(asked, Contract(outputs=frozenset({"p"}), top_k=1))


def _answer_through(sample: Sample, body: bytes) -> None:
    codec, asked = _read(sample, sample.request)
    given_ = codec.answer(asked, Message(sample.reply_headers, body, 200))
    for output in given_.answer.outputs:
        assert output.values is None or (output.values.ndim == 2 and bool(np.isfinite(output.values).all()))
    codec.deliver(given_, given_.answer, Contract())


@every_sample
@given(data=st.data())
def test_bad_requests_end_in_request_errors_only(sample: Sample, data: st.DataObject) -> None:
    body = data.draw(st.one_of(st.binary(max_size=60), _documents))
    _only_request_errors(lambda: _request_through(sample, body))
    mutated = _mutated(data, sample.request)
    _only_request_errors(lambda: _request_through(sample, mutated))


@every_sample
@given(data=st.data())
def test_bad_answers_end_in_unexpected_answers_only(sample: Sample, data: st.DataObject) -> None:
    body = data.draw(st.one_of(st.binary(max_size=60), _documents))
    _only_unexpected_answers(lambda: _answer_through(sample, body))
    mutated = _mutated(data, sample.reply)
    _only_unexpected_answers(lambda: _answer_through(sample, mutated))


@every_sample
def test_deep_nesting_ends_in_our_own_errors(sample: Sample) -> None:
    for depth in (20, 300, 1000, 5000):
        value = b"[" * depth + b"0.5" + b"]" * depth
        for body in (sample.request, sample.reply):
            nested = body.replace(b"0.25", value).replace(b"1.0", value)
            _only_request_errors(lambda nested=nested: _request_through(sample, nested))  # type: ignore[misc]
            _only_unexpected_answers(lambda nested=nested: _answer_through(sample, nested))  # type: ignore[misc]


@every_sample
def test_a_compressed_request_or_another_charset_is_refused(sample: Sample) -> None:
    wire, route = _route(sample)
    for extra in ((b"content-encoding", b"gzip"), (b"content-type", b"application/json; charset=utf-16")):
        with pytest.raises(RequestError) as caught:
            wire.codec(route).read(route, Message((extra, *sample.headers), sample.request))
        assert caught.value.status == 415


@every_sample
def test_an_unknown_media_type_is_refused_or_unexpected(sample: Sample) -> None:
    wire, route = _route(sample)
    codec = wire.codec(route)
    with pytest.raises(RequestError) as caught:
        codec.read(route, Message(((b"content-type", b"application/x-npy"),), sample.request))
    assert caught.value.status == 415
    _, asked = _read(sample, sample.request)
    for header in ((b"content-type", b"application/x-npy"), (b"content-encoding", b"gzip")):
        with pytest.raises(UnexpectedAnswer):
            codec.answer(asked, Message((header, *sample.reply_headers), sample.reply, 200))


@pytest.mark.parametrize("wire", ALL_FORMATS, ids=lambda each: each.name)
@given(message=st.text(max_size=40), status=st.sampled_from([400, 401, 403, 404, 405, 413, 415, 429, 500, 502, 503, 504]))
def test_every_refusal_is_a_json_object_with_the_message_in_it(wire: WireFormat, message: str, status: int) -> None:
    body = wire.refusal(None, status, message)
    assert isinstance(orjson.loads(body), dict)
    assert orjson.dumps(message)[1:-1] in body


SIDE_DOORS = (
    "/v1/models/m:explain",
    "/v1/models/m/metadata",
    "/v1/models/m:Predict",
    "/v2/models/m/explain",
    "/v2/models/m/generate",
    "/v2/models/m/generate_stream",
    "/v2/models/m/config",
    "/v2/models/m/stats",
    "/v2/models/stats",
    "/v2/models/m/trace/setting",
    "/v2/repository/index",
    "/v2/repository/models/m/load",
    "/v2/logging",
    "/v2/systemsharedmemory/status",
    "/v2/cudasharedmemory/region/r/register",
    "/metrics",
    "/",
    "",
)
DISGUISES = (
    "/v2/models/m/infer/",
    "//v2/models/m/infer",
    "/v2//models/m/infer",
    "/v2/models/m/../m/infer",
    "/v2/models/./infer",
    "/v2/models/../infer",
    "/v2/models/m%2Finfer/infer",
    "/v2/models/%6d/infer",
    "/v2/models/m%00/infer",
    "/v2/models/m%2e%2e/infer",
    "/v2/models/m;x=1/infer",
    "/v2/models/m\x00/infer",
    "/v2/models/m\n/infer",
    "/v2/models/m\\infer",
    "/v2/models/m/infer?x=1",
    "/v2/models/m/infer#x",
    "/V2/models/m/infer",
    "/v2/models/m\u0131/infer",
    "v2/models/m/infer",
    "/v1/models/m%3Apredict",
    "/v1/models/a:b:predict",
    "/v1/models/:predict",
    "/v1/models/.:predict",
    "/v1/models/m/versions/x:predict",
    "/invocations/",
    "/invocations/..",
    "/score/a/b",
    "/score/..",
    "/score/%2e",
    "/v2/models/" + "m" * 2000 + "/infer",
)


@pytest.mark.parametrize("path", SIDE_DOORS + DISGUISES)
def test_side_doors_and_disguised_paths_are_refused(path: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolve(ALL_FORMATS, "POST", path)
    assert caught.value.status in (404, 405)


@given(st.text(max_size=30))
def test_an_arbitrary_path_is_refused(path: str) -> None:
    with pytest.raises(RouteRefused):
        resolve(ALL_FORMATS, "POST", "/" + path + "/x")


def test_what_is_read_is_read_for_the_right_reason() -> None:
    """The negative control of the laws above: an answer delivered untouched would fail them."""
    sample = SAMPLES[0]
    exchanged = _exchange(sample)
    untouched = exchanged.codec.answer(exchanged.asked, Message(JSON, sample.reply, 200))
    assert set(_numbers(untouched.answer)) != {0.0625}
