"""Inference requests of the Open Inference Protocol: read, and left with what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.core.quick import quick
from moatkeeper.errors import MalformedRequest, UnsupportedMedia
from moatkeeper.wire.base import Message, Outgoing, media_type
from moatkeeper.wire.documents import FORWARD_JSON, JSON_TYPES, read_json, require_plain, write_request
from moatkeeper.wire.rows import records
from moatkeeper.wire.tensors import DATA_TYPES, Signature, TensorFault, decode, flatten, signature, split_strings, take_binary

HEADER_LENGTH = b"inference-header-content-length"
BINARY = b"application/octet-stream"
MAX_LENGTH_DIGITS = 12

_REQUEST_PARAMETERS = frozenset(
    {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "content_type", "binary_data_output"}
)
_INPUT_PARAMETERS = frozenset({"binary_data_size", "content_type"})
_OUTPUT_PARAMETERS = frozenset({"binary_data", "classification", "content_type"})
_SHARED_MEMORY = "shared_memory"


@quick
@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request in parts: its document, what it asks of each output, and the binary data behind the document."""

    document: Mapping[str, object]
    outputs: Mapping[str, Mapping[str, object]]  # parameters by output name; empty: none was named
    tail: bytes


def split_body(message: Message) -> tuple[bytes, bytes]:
    """The JSON document of a message and the binary data behind it; raises TensorFault for an impossible length."""
    given = message.header(HEADER_LENGTH)
    if not given:
        return message.body, b""
    if not given.isdigit() or len(given) > MAX_LENGTH_DIGITS or int(given) > len(message.body):
        raise TensorFault("Inference-Header-Content-Length does not fit the body")
    return message.body[: int(given)], message.body[int(given) :]


def read_request(message: Message) -> tuple[InferRequest, Inputs]:
    """The request and its rows; raises MalformedRequest or UnsupportedMedia."""
    require_plain(message)
    kind = media_type(message)
    if kind not in JSON_TYPES and not (kind == BINARY.decode() and message.header(HEADER_LENGTH)):
        raise UnsupportedMedia("expected application/json, or application/octet-stream with Inference-Header-Content-Length")
    try:
        head, tail = split_body(message)
        document = read_json(head)
        if not isinstance(document, dict):
            raise MalformedRequest("the body must be a JSON object")
        tensors, inputs = _read_inputs(document.get("inputs"), tail)
    except TensorFault as fault:
        raise MalformedRequest(str(fault)) from None
    kept: dict[str, object] = {"inputs": tensors}
    if "id" in document:
        if not isinstance(document["id"], str):
            raise MalformedRequest("id must be a string")
        kept["id"] = document["id"]
    parameters = _parameters(document, _REQUEST_PARAMETERS)
    if parameters:
        kept["parameters"] = parameters
    write_request(kept)
    return InferRequest(kept, _read_outputs(document.get("outputs")), tail), inputs


def _parameters(holder: Mapping[str, object], known: frozenset[str]) -> dict[str, object]:
    """The parameters that are known to reveal nothing; raises MalformedRequest for shared memory, which we cannot read."""
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise MalformedRequest("parameters must be an object")
    if any(name.startswith(_SHARED_MEMORY) for name in parameters):
        raise MalformedRequest("shared memory is not offered here")
    return {name: value for name, value in parameters.items() if name in known}


def _read_inputs(tensors: object, tail: bytes) -> tuple[list[dict[str, object]], Inputs]:
    if not isinstance(tensors, list) or not tensors:
        raise MalformedRequest("inputs must be a list of one tensor or more")
    kept: list[dict[str, object]] = []
    values: dict[str, object] = {}
    shapes: list[Signature] = []
    offset = 0
    for tensor in tensors:
        if not isinstance(tensor, dict):
            raise MalformedRequest("a tensor must be an object")
        parameters = _parameters(tensor, _INPUT_PARAMETERS)
        described = signature(tensor)
        if described.name in values:
            raise MalformedRequest("two tensors have one name")
        raw = take_binary(parameters, tail, offset)
        clean: dict[str, object] = {key: tensor[key] for key in ("name", "shape", "datatype")}
        if parameters:
            clean["parameters"] = parameters
        if raw is None:
            values[described.name] = _json_rows(described, tensor.get("data"))
            clean["data"] = tensor["data"]
        else:
            if "data" in tensor:
                raise MalformedRequest("a tensor has both data and binary data")
            offset += len(raw)
            values[described.name] = _binary_rows(described, raw)
        shapes.append(described)
        kept.append(clean)
    if offset != len(tail):
        raise MalformedRequest("there is binary data that belongs to no tensor")
    return kept, _inputs(shapes, values)


def _rows_of(tensor: Signature) -> int:
    return tensor.shape[0] if tensor.shape else 1


def _json_rows(tensor: Signature, data: object) -> list[object]:
    """One item for each row: the row's elements, flat; the element itself where a row has but one axis less."""
    flat = flatten(data, tensor.size)
    _require_type(tensor, flat)
    rows = _rows_of(tensor)
    if len(tensor.shape) <= 1:
        return flat
    width = tensor.size // rows if rows else 0
    return [flat[start : start + width] for start in range(0, tensor.size, width)] if width else []


def _require_type(tensor: Signature, elements: list[object]) -> None:
    """Raises TensorFault where JSON elements are not of the tensor's datatype."""
    kinds = set(map(type, elements))
    if tensor.datatype == "BYTES":
        fits = kinds <= {str}
    elif tensor.datatype == "BOOL":
        fits = kinds <= {bool, int}
    else:
        fits = kinds <= ({int, float} if tensor.real else {int})
    if not fits:
        raise TensorFault(f"the data of tensor {tensor.name!r} is not of its datatype")


def _binary_rows(tensor: Signature, raw: bytes) -> object:
    if tensor.datatype == "BYTES":
        elements = split_strings(raw, tensor.size)
        rows = _rows_of(tensor)
        width = tensor.size // rows if rows else 0
        if len(tensor.shape) <= 1:
            return elements
        return [elements[start : start + width] for start in range(0, tensor.size, width)] if width else []
    return decode(raw, tensor)


def _inputs(shapes: list[Signature], values: dict[str, object]) -> Inputs:
    """The rows: of the longest tensor, since batches may come with single values."""
    rows = max(map(_rows_of, shapes))
    if rows == 0:
        raise MalformedRequest("inputs must hold at least one row")
    if len(shapes) == 1:
        (only,) = values.values()
        if DATA_TYPES[shapes[0].datatype].code is None:
            texts = isinstance(only, list) and all(isinstance(each, str) for each in only)
            return Inputs(InputKind.TEXTS if texts else InputKind.OPAQUE, rows, only)
        return Inputs(InputKind.NUMBERS, rows, np.reshape(only, 1) if isinstance(only, np.ndarray) and only.ndim == 0 else only)
    if any(_rows_of(shape) != rows for shape in shapes):
        return Inputs(InputKind.OPAQUE, rows, values)
    columns = [each if isinstance(each, list) else list(np.atleast_1d(np.asarray(each))) for each in values.values()]
    if any(len(column) != rows for column in columns):
        return Inputs(InputKind.OPAQUE, rows, values)
    return Inputs(InputKind.RECORDS, rows, records(list(values), list(zip(*columns, strict=True))))


def _read_outputs(outputs: object) -> dict[str, Mapping[str, object]]:
    """The parameters of each requested output by name, in their order."""
    if outputs is None:
        return {}
    if not isinstance(outputs, list):
        raise MalformedRequest("outputs must be a list")
    asked: dict[str, Mapping[str, object]] = {}
    for output in outputs:
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or not name:
            raise MalformedRequest("a requested output has no name")
        if name in asked:
            raise MalformedRequest("an output is requested twice")
        parameters = _parameters(output, _OUTPUT_PARAMETERS)
        classes = parameters.get("classification", 0)
        if type(classes) is not int or not 0 <= classes <= 2**31 - 1:
            raise MalformedRequest("classification must be a whole number")
        asked[name] = parameters
    return asked


def write_request_for(request: InferRequest, contract: Contract) -> Outgoing:
    """The request with declared outputs only; where the client names none, all that are declared are named."""
    document = dict(request.document)
    asked = request.outputs
    if contract.outputs is not None:
        asked = {name: parameters for name, parameters in asked.items() if name in contract.outputs}
        if request.outputs and not asked:
            raise MalformedRequest("none of the requested outputs is offered here")
        if not request.outputs:
            asked = {name: {} for name in sorted(contract.outputs)}
    if asked:
        document["outputs"] = [_output(name, parameters, contract) for name, parameters in asked.items()]
    head = write_request(document)
    headers: dict[bytes, bytes | None] = {**FORWARD_JSON, HEADER_LENGTH: None, b"accept": None}
    if request.tail:
        headers[b"content-type"] = BINARY
        headers[HEADER_LENGTH] = b"%d" % len(head)
    return Outgoing(head + request.tail, headers)


def _output(name: str, parameters: Mapping[str, object], contract: Contract) -> dict[str, object]:
    classes = parameters.get("classification", 0)
    most = 1 if contract.label_only else contract.top_k
    if most is not None and isinstance(classes, int) and classes > most:
        parameters = {**parameters, "classification": most}
    return {"name": name, "parameters": dict(parameters)} if parameters else {"name": name}


def asks_for_classes(request: InferRequest, name: str) -> bool:
    """Whether the output comes as classification strings."""
    return bool(request.outputs.get(name, {}).get("classification", 0))
