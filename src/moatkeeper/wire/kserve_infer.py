"""Inference by the Open Inference Protocol: tensors in, the contract's outputs out, in JSON or binary as they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.core.quick import quick
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, media_type
from moatkeeper.wire.documents import DELIVER_JSON, JSON_TYPES, Unary, parse_answer, require_readable, write_answer
from moatkeeper.wire.kserve_classes import read_scores, write_scores
from moatkeeper.wire.kserve_request import (
    BINARY,
    HEADER_LENGTH,
    InferRequest,
    asks_for_classes,
    read_request,
    split_body,
    write_request_for,
)
from moatkeeper.wire.numeric import NUMERIC, core, flat
from moatkeeper.wire.tensors import (
    Signature,
    TensorFault,
    decode,
    encode,
    flatten,
    join_strings,
    signature,
    split_strings,
    take_binary,
)

_ANSWER_FIELDS = ("model_name", "model_version", "id")
_ANSWER_PARAMETERS = frozenset({"sequence_id", "sequence_start", "sequence_end", "content_type"})


@quick
@dataclass(frozen=True, slots=True)
class _Tensor:
    """One output as it came: its numbers or classifications where it has any, and its data in the form of the wire."""

    signature: Signature
    output: Output
    data: object  # JSON data, nested or flat
    raw: bytes | None  # binary data, where it came so
    shape: tuple[int, ...] = ()  # of the numbers; empty: labels
    texts: list[str] = field(default_factory=list)  # classification strings
    content_type: object = None  # how MLServer's clients are to decode it


@quick
@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer by outputs, and the fields around them that tell nothing of the model's numbers."""

    head: Mapping[str, object]
    tensors: tuple[_Tensor, ...]


class Infer(Unary):
    """The codec of ``infer``."""

    def read(self, route: Route, message: Message) -> Asked:
        """The tensors asked about; raises MalformedRequest or UnsupportedMedia."""
        request, inputs = read_request(message)
        return Asked(route, route.model, inputs, outputs=frozenset(request.outputs), document=request)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request for declared outputs only; raises MalformedRequest where it names nothing else."""
        return write_request_for(_request(asked), contract)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The outputs: floating-point tensors and classifications as numbers, all others as labels."""
        require_readable(reply)
        kind = media_type(reply)
        if kind not in JSON_TYPES and kind != BINARY.decode():
            raise UnexpectedAnswer(f"expected tensors, found {kind}")
        try:
            head, tail = split_body(reply)
            document = parse_answer(head)
            if not isinstance(document, dict) or not isinstance(document.get("outputs"), list):
                raise UnexpectedAnswer("expected an object with a list of outputs")
            tensors = _read_tensors(document["outputs"], tail, asked)
        except TensorFault as fault:
            raise UnexpectedAnswer(str(fault)) from None
        around = {name: document[name] for name in _ANSWER_FIELDS if isinstance(document.get(name), str)}
        parameters = _kept_parameters(document.get("parameters"))
        if parameters:
            around["parameters"] = parameters
        return Given(Answer(tuple(each.output for each in tensors)), _Reply(around, tensors))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The released tensors, in JSON or binary as they came, their shapes as they are now."""
        reply = given.document
        if not isinstance(reply, _Reply):
            raise UnexpectedAnswer("the answer was read by another format")
        by_name = {output.name: output for output in released.outputs}
        outputs: list[dict[str, object]] = []
        parts: list[bytes] = []
        for tensor in reply.tensors:
            if tensor.signature.name in by_name:
                written, raw = _write_tensor(tensor, by_name[tensor.signature.name].values)
                outputs.append(written)
                parts.append(raw)
        binary = any(tensor.raw is not None for tensor in reply.tensors)
        head = write_answer({**reply.head, "outputs": outputs})
        headers: dict[bytes, bytes | None] = {**DELIVER_JSON, HEADER_LENGTH: None}
        if binary:
            headers[b"content-type"] = BINARY
            headers[HEADER_LENGTH] = b"%d" % len(head)
        return Outgoing(head + b"".join(parts), headers)


def _request(asked: Asked) -> InferRequest:
    if not isinstance(asked.document, InferRequest):
        raise MalformedRequest("the request was read by another format")
    return asked.document


def _kept_parameters(parameters: object) -> dict[str, object]:
    if not isinstance(parameters, dict):
        return {}
    return {
        name: value
        for name, value in parameters.items()
        if name in _ANSWER_PARAMETERS and isinstance(value, str | int) and not isinstance(value, float)
    }


def _read_tensors(outputs: list[object], tail: bytes, asked: Asked) -> tuple[_Tensor, ...]:
    tensors: list[_Tensor] = []
    names: set[str] = set()
    offset = 0
    for output in outputs:
        if not isinstance(output, dict):
            raise UnexpectedAnswer("an output is not an object")
        described = signature(output)
        raw = take_binary(output.get("parameters"), tail, offset)
        offset += len(raw) if raw is not None else 0
        if described.name in names:
            raise UnexpectedAnswer(f"two outputs are called {described.name!r}")
        names.add(described.name)
        tensors.append(_read_tensor(described, output, raw, asked))
    if offset != len(tail):
        raise UnexpectedAnswer("there is binary data that belongs to no output")
    return tuple(tensors)


def _read_tensor(described: Signature, output: Mapping[str, object], raw: bytes | None, asked: Asked) -> _Tensor:
    rows = asked.inputs.rows
    if rows != 1 and (not described.shape or described.shape[0] != rows):
        raise UnexpectedAnswer(f"expected {rows} rows of output {described.name!r}")
    content_type = _kept_parameters(output.get("parameters")).get("content_type")
    data = output.get("data")
    if described.datatype == "BYTES" and asks_for_classes(_request(asked), described.name):
        texts = _texts(described, data, raw)
        values = np.array(read_scores(texts), dtype=np.float64).reshape(_grid(described.shape, rows))
        scores = Output(described.name, OutputKind.SCORES, flat(values))
        return _Tensor(described, scores, data, raw, values.shape, texts, content_type)
    if not described.real:
        if raw is None:
            _require_labels(described, flatten(data, described.size))
        elif described.datatype == "BYTES":
            split_strings(raw, described.size)
        else:
            decode(raw, described)
        return _Tensor(described, Output(described.name, OutputKind.LABELS, None), data, raw, content_type=content_type)
    numbers = _numbers(described, data, raw).reshape(_grid(described.shape, rows))
    output_values = Output(described.name, OutputKind.NUMBERS, flat(numbers))
    return _Tensor(described, output_values, data, raw, numbers.shape, content_type=content_type)


def _grid(shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """The shape of the numbers with their rows in front: a single row may come without an axis for it."""
    if not shape:
        return (1,)
    return (1, *shape) if rows == 1 and shape[0] != 1 else shape


def _require_labels(described: Signature, elements: list[object]) -> None:
    """Raises UnexpectedAnswer where numbers with a fraction come under a datatype without one."""
    expected = {str} if described.datatype == "BYTES" else {bool, int}
    if not set(map(type, elements)) <= expected:
        raise UnexpectedAnswer(f"the data of output {described.name!r} is not of its datatype")


def _numbers(described: Signature, data: object, raw: bytes | None) -> FloatArray:
    if raw is not None:
        return decode(raw, described).astype(np.float64)
    elements = flatten(data, described.size)
    if not set(map(type, elements)) <= NUMERIC:
        raise UnexpectedAnswer(f"output {described.name!r} holds other values than numbers")
    return np.array(elements, dtype=np.float64)


def _texts(described: Signature, data: object, raw: bytes | None) -> list[str]:
    """The classification strings of an output; raises UnexpectedAnswer where they are something else."""
    if raw is not None:
        try:
            return [each.decode() for each in split_strings(raw, described.size)]
        except UnicodeDecodeError:
            raise UnexpectedAnswer("a classification is not in UTF-8") from None
    elements = [each for each in flatten(data, described.size) if isinstance(each, str)]
    if len(elements) != described.size:
        raise UnexpectedAnswer(f"expected classifications of output {described.name!r}")
    return elements


def _write_tensor(tensor: _Tensor, values: FloatArray | None) -> tuple[dict[str, object], bytes]:
    """A released output as JSON, and the binary data that goes with it."""
    described = tensor.signature
    shape = list(described.shape)
    written: dict[str, object] = {"name": described.name, "shape": shape, "datatype": described.datatype}
    parameters: dict[str, object] = {} if tensor.content_type is None else {"content_type": tensor.content_type}
    data, raw = tensor.data, tensor.raw
    if values is not None and tensor.shape:
        if shape and len(tensor.shape) > 1:
            last = len(core(tensor.shape)) - 1 + len(shape) - len(tensor.shape)
            shape[last] = values.shape[1]
        if tensor.texts:
            texts = write_scores(tensor.texts, values)
            data, raw = _again(texts, tensor, shape), None if raw is None else join_strings([each.encode() for each in texts])
        elif raw is not None:
            raw = encode(values, described.datatype)
        else:
            data = _again(values.ravel().tolist(), tensor, shape)
    if raw is not None:
        parameters["binary_data_size"] = len(raw)
    else:
        written["data"] = data
    if parameters:
        written["parameters"] = parameters
    return written, raw or b""


def _again(elements: Sequence[object], tensor: _Tensor, shape: list[int]) -> object:
    """Elements flat or nested, as the tensor's own data came."""
    nested = isinstance(tensor.data, list) and bool(tensor.data) and isinstance(tensor.data[0], list)
    if not nested:
        return elements
    array = np.array(elements, dtype=object)
    again: object = array.reshape(shape).tolist()
    return again
