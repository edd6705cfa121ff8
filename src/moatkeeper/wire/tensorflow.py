"""TensorFlow Serving's REST API and KServe v1: predict, classify and regress, by rows or by columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
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
from moatkeeper.wire.numeric import Column, column, require_rows, restore
from moatkeeper.wire.paths import is_version, model_name, segments
from moatkeeper.wire.plain import Plain

DEFAULT_SIGNATURE = "serving_default"


class TensorFlow:
    """The format ``tensorflow``. Explanations and metadata are not declared, and so refused."""

    name = "tensorflow"

    def __init__(self) -> None:
        predict, plain = Predict(), Plain()
        self._codecs: Mapping[str, Codec] = {
            "predict": predict,
            "classify": Examples("scores", OutputKind.SCORES),
            "regress": Examples("values", OutputKind.VALUES),
            "status": plain,
            "models": plain,
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


@dataclass(frozen=True, slots=True)
class _Request:
    """What of a request concerns its answer: the field that holds it, and the bytes to send on."""

    field: str
    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer by outputs. ``named`` says that they stand in objects by name; otherwise there is one, bare."""

    field: str
    columns: tuple[Column, ...]
    named: bool
    rows: int


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


def _forward(asked: Asked, contract: Contract) -> Outgoing:
    request = asked.document
    if not isinstance(request, _Request):
        raise MalformedRequest("the request was read by another format")
    # Another signature is another head of the model: it is open only where the operator declared it like an output.
    if request.signature != DEFAULT_SIGNATURE and request.signature not in (contract.outputs or ()):
        raise MalformedRequest("signature_name is not one that this server offers")
    return Outgoing(request.body, FORWARD_JSON)


class Predict(Unary):
    """``:predict``: ``instances`` by row answered by ``predictions``, ``inputs`` by column answered by ``outputs``."""

    def read(self, route: Route, message: Message) -> Asked:
        """The rows asked for; raises MalformedRequest unless exactly one of ``instances`` and ``inputs`` is there."""
        document = _object(message)
        if ("instances" in document) == ("inputs" in document):
            raise MalformedRequest("expected exactly one of instances and inputs")
        name = "instances" if "instances" in document else "inputs"
        signature = _signature(document)
        kept: dict[str, object] = {name: document[name]}
        if "signature_name" in document:
            kept["signature_name"] = signature
        inputs = _by_row(document[name]) if name == "instances" else _by_column(document[name])
        request = _Request("predictions" if name == "instances" else "outputs", write_request(kept), signature)
        return Asked(route, route.model, inputs, document=request)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request with nothing but its instances and an open signature; raises MalformedRequest for a closed one."""
        return _forward(asked, contract)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The outputs, one where the model has one, named ``predictions`` or ``outputs`` after its field."""
        request = asked.document
        document = read_answer(reply)
        if not isinstance(document, dict) or not isinstance(request, _Request) or request.field not in document:
            raise UnexpectedAnswer("expected an object with predictions or outputs")
        value = document[request.field]
        rows = asked.inputs.rows
        columns: tuple[Column, ...]
        if request.field == "predictions":
            named = type(value) is list and bool(value) and _is_named(value[0])
            columns = _columns_of_rows(value, rows) if named else (_bare(request.field, value, rows),)
        else:
            named = isinstance(value, dict)
            columns = _columns(value, rows) if isinstance(value, dict) else (_bare(request.field, value, rows),)
        return Given(Answer(tuple(each.output for each in columns)), _Reply(request.field, columns, named, rows))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same document with the released outputs only."""
        reply = given.document
        if not isinstance(reply, _Reply):
            raise UnexpectedAnswer("the answer was read by another format")
        kept = _kept(reply.columns, released.outputs)
        body: object
        if not reply.named:
            body = {reply.field: kept[reply.field]} if kept else {}
        elif reply.field == "outputs":
            body = {reply.field: kept}
        else:
            names = list(kept)
            rows = zip(*(_as_list(each) for each in kept.values()), strict=True) if names else [()] * reply.rows
            body = {reply.field: [dict(zip(names, row, strict=True)) for row in rows]}
        return Outgoing(write_answer(body), DELIVER_JSON)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _kept(columns: Sequence[Column], outputs: Sequence[Output]) -> dict[str, object]:
    """Released values by name, in the order of the wire."""
    if len(columns) == 1 and len(outputs) == 1 and columns[0].output.name == outputs[0].name:
        return {outputs[0].name: restore(outputs[0], columns[0])}
    by_name = {output.name: output for output in outputs}
    return {each.output.name: restore(by_name[each.output.name], each) for each in columns if each.output.name in by_name}


def _by_row(value: object) -> Inputs:
    rows = require_rows(value, "instances")
    return Inputs(_input_kind(rows[0]), len(rows), rows)


def _input_kind(row: object) -> InputKind:
    if isinstance(row, dict):
        return InputKind.OPAQUE if row.keys() == {"b64"} else InputKind.RECORDS
    if isinstance(row, str):
        return InputKind.TEXTS
    return InputKind.NUMBERS


def _by_column(value: object) -> Inputs:
    """Columnar inputs: the longest first axis counts, since a signature may mix batches with single values."""
    if isinstance(value, dict) and value.keys() != {"b64"}:
        if not value:
            raise MalformedRequest("inputs must hold at least one tensor")
        rows = max(len(require_rows(each, f"inputs.{name}")) if isinstance(each, list) else 1 for name, each in value.items())
        return Inputs(InputKind.OPAQUE, rows, value)
    if isinstance(value, list):
        tensor = require_rows(value, "inputs")
        return Inputs(_input_kind(tensor[0]), len(tensor), tensor)
    return Inputs(_input_kind(value), 1, [value])


def _is_named(row: object) -> bool:
    return isinstance(row, dict) and row.keys() != {"b64"}


def _bare(name: str, value: object, rows: int) -> Column:
    return column(name, OutputKind.NUMBERS, value, rows)


def _columns(value: Mapping[str, object], rows: int) -> tuple[Column, ...]:
    return tuple(column(name, OutputKind.NUMBERS, each, rows) for name, each in value.items())


def _columns_of_rows(records: object, rows: int) -> tuple[Column, ...]:
    """The outputs of a list of objects, gathered by name; raises UnexpectedAnswer where the objects differ in names."""
    if not isinstance(records, list) or len(records) != rows:
        raise UnexpectedAnswer(f"expected {rows} predictions")
    first = records[0]
    if not all(isinstance(each, dict) and each.keys() == first.keys() for each in records):
        raise UnexpectedAnswer("the predictions differ in their names")
    return _columns({name: [each[name] for each in records] for name in first}, rows)


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
        rows = asked.inputs.rows
        labels: list[list[object]] = []
        if self._kind is OutputKind.SCORES:
            labels, result = _labels_and_scores(result)
        whole = column(self._output, self._kind, result, rows)
        return Given(Answer((whole.output,)), _Result(whole, labels))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same result with released numbers; nothing at all where the output is not released."""
        reply = given.document
        if not isinstance(reply, _Result):
            raise UnexpectedAnswer("the answer was read by another format")
        kept = _kept((reply.column,), released.outputs)
        body: dict[str, object] = {}
        for value in kept.values():
            rows = _as_list(value)
            body["result"] = _pairs(reply.labels, rows) if reply.labels else rows
        return Outgoing(write_answer(body), DELIVER_JSON)


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of classify (with a label for every score) or regress (without labels)."""

    column: Column
    labels: list[list[object]]


def _labels_and_scores(result: object) -> tuple[list[list[object]], list[list[object]]]:
    """The labels and the scores of a classification, a row each; raises UnexpectedAnswer unless it is made of pairs."""
    labels: list[list[object]] = []
    scores: list[list[object]] = []
    for row in result if isinstance(result, list) else [result]:
        if not isinstance(row, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in row):
            raise UnexpectedAnswer("expected a result of [label, score] pairs")
        labels.append([pair[0] for pair in row])
        # A score written as a whole number is a score all the same, and must not pass as a label.
        scores.append([float(pair[1]) if type(pair[1]) is int else pair[1] for pair in row])
    return labels, scores


def _pairs(labels: list[list[object]], scores: list[object]) -> list[list[list[object]]]:
    return [
        [[label, score] for label, score in zip(names, _as_list(row), strict=True)]
        for names, row in zip(labels, scores, strict=True)
    ]
