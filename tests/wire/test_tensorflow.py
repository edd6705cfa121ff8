"""TensorFlow Serving and KServe v1: every form of the REST API, and what each loses on the way."""

from __future__ import annotations

import orjson
import pytest

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, MethodRefused, UnexpectedAnswer
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.wire.base import Asked, Message, Purpose, Route
from moatkeeper.wire.tensorflow import TensorFlow

FORMAT = TensorFlow()


def _route(verb: str) -> Route:
    route = FORMAT.match("POST", f"/v1/models/m:{verb}")
    assert route is not None
    return route


def _read(document: object, verb: str = "predict") -> Asked:
    route = _route(verb)
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return FORMAT.codec(route).read(route, Message((), body))


def _forwarded(asked: Asked, contract: Contract = FULL_OUTPUT) -> object:
    body = FORMAT.codec(asked.route).forward(asked, contract).body
    assert body is not None
    return orjson.loads(body)


def _answered(asked: Asked, document: object) -> tuple[Output, ...]:
    return FORMAT.codec(asked.route).answer(asked, Message((), orjson.dumps(document), 200)).answer.outputs


def _released(asked: Asked, document: object, contract: Contract) -> object:
    codec = FORMAT.codec(asked.route)
    answered = codec.answer(asked, Message((), orjson.dumps(document), 200))
    body = codec.deliver(answered, LeastOutput().release(answered.answer, contract), contract).body
    assert body is not None
    return orjson.loads(body)


def test_two_decimals_are_all_that_leaves_of_a_score() -> None:
    asked = _read({"instances": [[1.0, 2.0], [3.0, 4.0]]})
    released = _released(asked, {"predictions": [[0.1234, 0.8766], [0.5, 0.5]], "debug": 0.1234}, Contract())
    assert released == {"predictions": [[0.12, 0.88], [0.5, 0.5]]}


def test_named_outputs_are_minimised_each_by_itself_and_undeclared_ones_vanish() -> None:
    asked = _read({"instances": [{"a": 1}, {"a": 2}]})
    answer = {"predictions": [{"p": [0.1234, 0.8766], "logits": [1.5, 2.5], "c": "x"} for _ in range(2)]}
    released = _released(asked, answer, Contract(outputs=frozenset({"p", "c"})))
    assert released == {"predictions": [{"p": [0.12, 0.88], "c": "x"}] * 2}
    assert _released(asked, answer, Contract(outputs=frozenset({"other"}))) == {"predictions": [{}, {}]}


def test_columnar_answers_are_objects_of_tensors() -> None:
    asked = _read({"inputs": {"a": [[1.0], [2.0]]}})
    released = _released(asked, {"outputs": {"p": [[0.1234, 0.8766]] * 2, "q": [0.5, 0.5]}}, Contract(outputs=frozenset({"p"})))
    assert released == {"outputs": {"p": [[0.12, 0.88]] * 2}}


def test_a_single_tensor_that_is_not_declared_leaves_an_empty_object() -> None:
    asked = _read({"instances": [1.0]})
    assert _released(asked, {"predictions": [0.1234]}, Contract(outputs=frozenset({"p"}))) == {}
    assert _released(asked, {"predictions": [0.1234]}, Contract(outputs=frozenset({"predictions"}))) == {"predictions": [0.12]}


def test_the_scores_of_a_classification_keep_their_labels() -> None:
    asked = _read({"examples": [{"a": 1.0}]}, "classify")
    assert _released(asked, {"result": [[["cat", 0.1234], ["dog", 0.8766]]]}, Contract()) == {
        "result": [[["cat", 0.12], ["dog", 0.88]]]
    }


def test_a_regression_loses_digits() -> None:
    asked = _read({"examples": [{"a": 1.0}, {"a": 2.0}]}, "regress")
    assert _released(asked, {"result": [12.345678, -0.00123456]}, Contract()) == {"result": [12.35, -0.001235]}


def test_scores_of_whole_numbers_are_scores_in_a_classification() -> None:
    asked = _read({"examples": [{"a": 1.0}]}, "classify")
    (output,) = _answered(asked, {"result": [[["cat", 1], ["dog", 0]]]})
    assert output.kind is OutputKind.SCORES
    assert output.values is not None


@pytest.mark.parametrize("values", [[1, 2], ["a", "b"], [True, False], [[1, 2], [3, 4]], [None, None], [{"b64": "eA=="}] * 2])
def test_whole_numbers_strings_and_booleans_are_labels_and_leave_as_they_are(values: list[object]) -> None:
    asked = _read({"instances": [1.0, 2.0]})
    (output,) = _answered(asked, {"predictions": values})
    assert (output.name, output.kind, output.values) == ("predictions", OutputKind.LABELS, None)
    assert _released(asked, {"predictions": values}, Contract()) == {"predictions": values}


def test_scores_of_three_axes_are_rows_along_their_last_axis() -> None:
    asked = _read({"instances": [[1.0], [2.0]]})
    tokens = [[[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [0.75, 0.25], [0.125, 0.875]]]
    (output,) = _answered(asked, {"predictions": tokens})
    assert output.values is not None
    assert output.values.shape == (6, 2)
    assert _released(asked, {"predictions": tokens}, FULL_OUTPUT) == {"predictions": tokens}


@pytest.mark.parametrize(
    ("document", "kind", "rows"),
    [
        ({"instances": [[1.0], [2.0]]}, InputKind.NUMBERS, 2),
        ({"instances": [1.0, 2]}, InputKind.NUMBERS, 2),
        ({"instances": ["a", "b", "c"]}, InputKind.TEXTS, 3),
        ({"instances": [{"b64": "eA=="}]}, InputKind.OPAQUE, 1),
        ({"instances": [{"a": 1}]}, InputKind.RECORDS, 1),
        ({"inputs": [[1.0], [2.0]]}, InputKind.NUMBERS, 2),
        ({"inputs": {"a": [1, 2], "b": [[1], [2]]}}, InputKind.RECORDS, 2),
        ({"inputs": {"a": [1, 2, 3], "b": 0.5}}, InputKind.OPAQUE, 3),
        ({"inputs": 1.0}, InputKind.NUMBERS, 1),
    ],
)
def test_rows_are_counted(document: object, kind: InputKind, rows: int) -> None:
    inputs = _read(document).inputs
    assert (inputs.kind, inputs.rows) == (kind, rows)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"instances":[]}',
        b'{"instances":{}}',
        b'{"instances":[[1.0],[1.0,2.0]]}',
        b'{"instances":[[1.0],2.0]}',
        b'{"instances":[1.0,"a"]}',
        b'{"instances":[NaN]}',
        b'{"instances":[1e999]}',
        b'{"instances":[1.0],"inputs":[1.0]}',
        b'{"instances":[1.0],"signature_name":7}',
        b'{"inputs":{}}',
        b'{"inputs":{"a":[]}}',
        b'\xef\xbb\xbf{"instances":[1.0]}',
        b'{"instances":["\\ud800"]}',
        b'{"instances":' + b"[" * 400 + b"]" * 400 + b"}",
    ],
)
def test_an_impossible_request_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        _read(body)


def test_what_is_forwarded_is_what_was_counted() -> None:
    """A key written twice is read differently by different parsers; the one that was counted goes on, alone."""
    asked = _read(b'{"instances":[[1.0],[2.0],[3.0]],"instances":[[4.0]],"trace":true}')
    assert asked.inputs.rows == 1
    assert _forwarded(asked) == {"instances": [[4.0]]}


def test_another_signature_is_open_only_where_it_is_declared() -> None:
    asked = _read({"instances": [1.0], "signature_name": "embed"})
    for contract in (Contract(), FULL_OUTPUT, Contract(outputs=frozenset({"p"}))):
        with pytest.raises(MalformedRequest):
            _forwarded(asked, contract)
    assert _forwarded(asked, Contract(outputs=frozenset({"embed"}))) == {"instances": [1.0], "signature_name": "embed"}
    default = {"signature_name": "serving_default", "instances": [1.0]}
    assert _forwarded(_read(default)) == default


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"predictions": []},
        {"predictions": [0.5]},
        {"predictions": {"p": [0.5, 0.5]}},
        {"predictions": [0.5, "a"]},
        {"predictions": [[0.5], [0.5, 0.5]]},
        {"predictions": [0.5, None]},
        {"predictions": [0.5, {"p": 0.5}]},
        {"predictions": [{"p": 0.5}, {"q": 0.5}]},
        {"predictions": [{"p": {"q": 0.5}}, {"p": {"q": 0.5}}]},
        {"predictions": [{"b64": 0.5}, {"b64": 0.5}]},
        {"outputs": [0.5, 0.5]},
    ],
)
def test_an_answer_of_another_form_is_unexpected(answer: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        _answered(_read({"instances": [1.0, 2.0]}), answer)


@pytest.mark.parametrize("result", [[], [[["cat"]]], [[[0.5, 0.5]]], [[["cat", "0.5"]]], ["cat"], {"cat": 0.5}, 0.5])
def test_a_classification_of_another_form_is_unexpected(result: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        _answered(_read({"examples": [{"a": 1.0}]}, "classify"), {"result": result})


def test_status_is_plain_and_prediction_takes_post() -> None:
    for path in ("/v1/models", "/v1/models/m", "/v1/models/m/versions/2", "/v1/models/m/labels/stable"):
        route = FORMAT.match("GET", path)
        assert route is not None
        assert route.purpose is Purpose.PLAIN
        with pytest.raises(MethodRefused):
            FORMAT.match("DELETE", path)
    with pytest.raises(MethodRefused):
        FORMAT.match("GET", "/v1/models/m:predict")


def test_errors_look_as_tensorflow_serving_writes_them() -> None:
    assert FORMAT.refusal(None, 400, 'a "quoted" word') == b'{"error":"a \\"quoted\\" word"}'


def test_delivering_another_formats_answer_is_refused() -> None:
    asked = _read({"instances": [1.0]})
    codec = FORMAT.codec(asked.route)
    answered = FORMAT.codec(_route("regress")).answer(
        _read({"examples": [{"a": 1.0}]}, "regress"), Message((), b'{"result":[0.5]}', 200)
    )
    with pytest.raises(UnexpectedAnswer):
        codec.deliver(answered, Answer(()), FULL_OUTPUT)
