"""TensorFlow Serving's REST API and KServe v1: predict, classify and regress, by rows or by columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from moatkeeper.core.answer import Answer, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.core.quick import quick
from moatkeeper.errors import MalformedRequest, MethodRefused, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Codec, Given, Message, Outgoing, Purpose, Route
from moatkeeper.wire.documents import (
    DELIVER_JSON,
    FORWARD_JSON,
    Unary,
    read_answer,
    read_json,
    require_json,
    write_answer,
    write_request,
)
from moatkeeper.wire.numeric import Column, column
from moatkeeper.wire.paths import is_version, model_name, segments
from moatkeeper.wire.predictions import Predictions, kept_values, read_predictions
from moatkeeper.wire.rows import by_column, by_row, require_rows
from moatkeeper.wire.tensorflow_models import Models

DEFAULT_SIGNATURE = "serving_default"


class TensorFlow:
    """The format ``tensorflow``. Explanations and metadata are not declared, and so refused."""

    name = "tensorflow"

    def __init__(self) -> None:
        models = Models()
        self._codecs: Mapping[str, Codec] = {
            "predict": Predict(),
            "classify": Examples("scores", OutputKind.SCORES),
            "regress": Examples("values", OutputKind.VALUES),
            "status": models,
            "models": models,
        }

    def match(self, method: str, path: str) -> Route | None:
        """The route of a path under ``/v1/models``."""
        parts = segments(path)
        if parts[:2] != ("v1", "models"):
            return None
        if len(parts) == 2:
            return _plain(method, "models", "")
        last, _, verb = parts[-1].partition(":")
        names = (*parts[2:-1], last)
        model = model_name(names[0])
        if not model or not _is_target(names[1:]):
            return None
        if not verb and ":" not in parts[-1]:
            return _plain(method, "status", model)
        if verb not in ("predict", "classify", "regress"):
            return None
        if method != "POST":
            raise MethodRefused(f"{verb} takes POST")
        return Route(self.name, verb, Purpose.INFER, model)

    def codec(self, route: Route) -> Codec:
        """The codec of the route's operation."""
        return self._codecs[route.operation]

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """``{"error": message}``, as TensorFlow Serving and KServe answer."""
        return orjson.dumps({"error": message})


def _is_target(names: tuple[str, ...]) -> bool:
    """Whether what follows the model is nothing, a version, or a version's label."""
    if not names:
        return True
    if len(names) != 2:
        return False
    return (names[0] == "versions" and is_version(names[1])) or (names[0] == "labels" and model_name(names[1]) != "")


def _plain(method: str, operation: str, model: str) -> Route:
    if method not in ("GET", "HEAD"):
        raise MethodRefused(f"{operation} takes GET")
    return Route(TensorFlow.name, operation, Purpose.PLAIN, model)


@quick
@dataclass(frozen=True, slots=True)
class _Request:
    """What of a request concerns its answer: the field that holds it, and the bytes to send on."""

    field: str
    body: bytes
    signature: str


@quick
@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer of ``:predict``: the field that holds it, and what is in there."""

    field: str
    predictions: Predictions


def _object(message: Message) -> dict[str, object]:
    require_json(message)
    document = read_json(message.body)
    if not isinstance(document, dict):
        raise MalformedRequest("the body must be a JSON object")
    return document


def _signature(document: Mapping[str, object]) -> str:
    signature = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature, str):
        raise MalformedRequest("signature_name must be a string")
    return signature


def _request(asked: Asked) -> _Request:
    if not isinstance(asked.document, _Request):
        raise MalformedRequest("the request was read by another format")
    return asked.document


def _forward(asked: Asked, contract: Contract) -> Outgoing:
    request = _request(asked)
    # Another signature is another head of the model: it is open only where the operator declared it like an output.
    if request.signature != DEFAULT_SIGNATURE and request.signature not in (contract.outputs or ()):
        raise MalformedRequest("signature_name is not one that is offered here")
    return Outgoing(request.body, FORWARD_JSON)


class Predict(Unary):
    """``:predict``: ``instances`` by row answered by ``predictions``, ``inputs`` by column answered by ``outputs``."""

    def read(self, route: Route, message: Message) -> Asked:
        """The rows asked for; raises MalformedRequest unless exactly one of ``instances`` and ``inputs`` is there."""
        document = _object(message)
        by_rows = "instances" in document
        if by_rows == ("inputs" in document):
            raise MalformedRequest("expected exactly one of instances and inputs")
        name = "instances" if by_rows else "inputs"
        kept: dict[str, object] = {name: document[name]}
        signature = DEFAULT_SIGNATURE
        if "signature_name" in document:
            signature = kept["signature_name"] = _signature(document)
        read = by_row if by_rows else by_column
        request = _Request("predictions" if by_rows else "outputs", write_request(kept), signature)
        return Asked(route, route.model, read(document[name], name), document=request)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request with nothing but its instances and an open signature; raises MalformedRequest for a closed one."""
        return _forward(asked, contract)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The outputs, one where the model has one, named ``predictions`` or ``outputs`` after its field."""
        request = _request(asked)
        document = read_answer(reply)
        if not isinstance(document, dict) or request.field not in document:
            raise UnexpectedAnswer(f"expected an object with {request.field}")
        value = document[request.field]
        if isinstance(value, dict) and request.field == "predictions":
            raise UnexpectedAnswer("expected a list of predictions, found an object")
        predictions = read_predictions(request.field, value, asked.inputs.rows)
        return Given(Answer(predictions.outputs()), _Reply(request.field, predictions))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same document with the released outputs only."""
        reply = given.document
        if not isinstance(reply, _Reply):
            raise UnexpectedAnswer("the answer was read by another format")
        value = reply.predictions.write(released.outputs)
        body = {} if value is None else {reply.field: value}
        return Outgoing(write_answer(body), DELIVER_JSON)


class Examples(Unary):
    """``:classify`` and ``:regress``: ``examples`` under a common ``context``, answered by ``result``."""

    def __init__(self, output: str, kind: OutputKind) -> None:
        self._output = output
        self._kind = kind

    def read(self, route: Route, message: Message) -> Asked:
        """The examples; raises MalformedRequest unless they are objects."""
        document = _object(message)
        examples = require_rows(document.get("examples"), "examples")
        if not isinstance(examples[0], dict):
            raise MalformedRequest("examples must be objects of features")
        kept: dict[str, object] = {key: document[key] for key in ("signature_name", "context", "examples") if key in document}
        if not isinstance(kept.get("context", {}), dict):
            raise MalformedRequest("context must be an object of features")
        request = _Request("result", write_request(kept), _signature(document))
        return Asked(route, route.model, Inputs(InputKind.RECORDS, len(examples), examples), document=request)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request with nothing but its examples and an open signature; raises MalformedRequest for a closed one."""
        return _forward(asked, contract)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """One output: ``scores`` of a classification, ``values`` of a regression."""
        document = read_answer(reply)
        if not isinstance(document, dict) or "result" not in document:
            raise UnexpectedAnswer("expected an object with result")
        result = document["result"]
        labels: list[list[object]] = []
        if self._kind is OutputKind.SCORES:
            labels, result = _labels_and_scores(result)
        whole = column(self._output, self._kind, result, asked.inputs.rows)
        return Given(Answer((whole.output,)), _Result(whole, labels))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same result with released numbers; nothing at all where the output is not released."""
        reply = given.document
        if not isinstance(reply, _Result):
            raise UnexpectedAnswer("the answer was read by another format")
        value = kept_values((reply.column,), released.outputs).get(self._output)
        if reply.labels and value is not None:
            value = _pairs(reply.labels, value)
        return Outgoing(write_answer({} if value is None else {"result": value}), DELIVER_JSON)


@quick
@dataclass(frozen=True, slots=True)
class _Result:
    """The result of classify (with a label for every score) or regress (without labels)."""

    column: Column
    labels: list[list[object]]


def _labels_and_scores(result: object) -> tuple[list[list[object]], list[list[object]]]:
    """The labels and the scores of a classification, a row each; raises UnexpectedAnswer unless it is made of pairs."""
    labels: list[list[object]] = []
    scores: list[list[object]] = []
    for row in result if isinstance(result, list) else ():
        if not isinstance(row, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in row):
            raise UnexpectedAnswer("expected a result of [label, score] pairs")
        labels.append([pair[0] for pair in row])
        scores.append([pair[1] for pair in row])
    if not {type(label) for row in labels for label in row} <= {str}:
        raise UnexpectedAnswer("expected the labels of a result to be strings")
    return labels, scores


def _pairs(labels: list[list[object]], scores: object) -> list[list[list[object]]]:
    """The released scores with their labels; where fewer came out than went in, nothing may be paired."""
    if not isinstance(scores, list):
        raise UnexpectedAnswer("expected a row of scores for each row of labels")
    return [
        [[label, score] for label, score in zip(names, row, strict=True)] for names, row in zip(labels, scores, strict=True)
    ]
