"""Any other JSON API, by declared paths: where the rows are, what of the answer is which output, and what else may leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import orjson

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import ConfigError, MalformedRequest, MethodRefused, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Codec, Given, Message, Outgoing, Purpose, Route, WireFormat
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
from moatkeeper.wire.generic_paths import ABSENT, Every, JsonPath, Step, find, parse_path, replace, tree_of
from moatkeeper.wire.numeric import flat, leaf_types, shaped, to_array
from moatkeeper.wire.paths import model_name, segments
from moatkeeper.wire.rows import kind_of, require_rows

_MATCH = re.compile(r"([A-Z]+) (/\S+)", re.ASCII)
_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}", re.ASCII)
_MODEL = "model"
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

_KINDS: Mapping[str, OutputKind] = MappingProxyType(
    {
        "label": OutputKind.LABELS,
        "scores": OutputKind.SCORES,
        "values": OutputKind.VALUES,
        "embedding": OutputKind.EMBEDDINGS,
    }
)
"""What each declared path's output is called, and what it is."""


@dataclass(frozen=True, slots=True)
class GenericRoute:
    """One route of a JSON API. Paths are written like ``$.a.b[*].c`` or ``$.a[0]``.

    ``match`` is a method and a path, in which ``{name}`` stands for any one segment and ``{model}`` for the model. A path
    that declares no output reveals nothing: fields that are neither outputs nor in ``keep`` are dropped from every answer.
    """

    match: str
    input: str
    model: str = ""
    label: str | None = None
    scores: str | None = None
    values: str | None = None
    embedding: str | None = None
    keep: tuple[str, ...] = ()


def build(routes: Iterable[GenericRoute]) -> WireFormat:
    """The format ``generic`` for some routes; raises ConfigError for a route that contradicts itself or another."""
    return Generic(tuple(routes))


class Generic:
    """The format ``generic``."""

    name = "generic"

    def __init__(self, routes: Sequence[GenericRoute]) -> None:
        self._templates = tuple(_template(route) for route in routes)
        self._codecs: dict[str, Codec] = {}
        for route in routes:
            if route.match in self._codecs:
                raise ConfigError(f"{route.match!r} is declared twice", hint="give each method and path one route")
            self._codecs[route.match] = DeclaredCodec(route)

    def match(self, method: str, path: str) -> Route | None:
        """The first declared route of the path."""
        parts = segments(path)
        if not parts:
            return None
        elsewhere = False
        for template in self._templates:
            model = template.model_of(parts)
            if model is None:
                continue
            if template.method == method:
                return Route(self.name, template.match, Purpose.INFER, model)
            elsewhere = True
        if elsewhere:
            raise MethodRefused("this path takes another method")
        return None

    def codec(self, route: Route) -> Codec:
        """The codec of the declared route."""
        return self._codecs[route.operation]

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """``{"error": message}``."""
        return orjson.dumps({"error": message})


@dataclass(frozen=True, slots=True)
class _Template:
    """A declared method and path; a segment of None matches any one."""

    match: str
    method: str
    parts: tuple[str | None, ...]
    model: str
    model_at: int | None

    def model_of(self, parts: tuple[str, ...]) -> str | None:
        """The model that a path is for; None where the path is another one."""
        if len(parts) != len(self.parts):
            return None
        for mine, given in zip(self.parts, parts, strict=True):
            if mine != given and (mine is not None or not model_name(given)):
                return None
        return self.model if self.model_at is None else model_name(parts[self.model_at])


def _template(route: GenericRoute) -> _Template:
    found = _MATCH.fullmatch(route.match)
    if found is None or found.group(1) not in _BODY_METHODS:
        raise ConfigError(
            f"found match {route.match!r}, expected a method that carries a body and a path",
            hint='write match = "POST /score"',
        )
    parts: list[str | None] = []
    model_at = None
    for index, part in enumerate(found.group(2)[1:].split("/")):
        parameter = _PARAMETER.fullmatch(part)
        if parameter is None and not segments("/" + part):
            raise ConfigError(
                f"found {part!r} in match {route.match!r}, expected a plain segment or {{name}}",
                hint="a path is written without a query, a trailing slash or percent signs",
            )
        if parameter is not None and parameter.group(1) == _MODEL:
            model_at = index
        parts.append(None if parameter is not None else part)
    return _Template(route.match, found.group(1), tuple(parts), route.model, model_at)


@dataclass(frozen=True, slots=True)
class _Declared:
    """One output: its name and kind, and where it lies."""

    name: str
    kind: OutputKind
    path: JsonPath


@dataclass(frozen=True, slots=True)
class _Found:
    """One output of an answer: where it lies, how its numbers were laid out, and the names where they stood in an object."""

    declared: _Declared
    output: Output
    shape: tuple[int, ...]
    names: tuple[str, ...]
    listed: bool


@dataclass(frozen=True, slots=True)
class _Reply:
    """A whole answer and its outputs."""

    document: object
    found: tuple[_Found, ...]


class DeclaredCodec(Unary):
    """The codec of one declared route."""

    def __init__(self, route: GenericRoute) -> None:
        self._input = parse_path(route.input)
        paths = {"label": route.label, "scores": route.scores, "values": route.values, "embedding": route.embedding}
        self._outputs = tuple(_Declared(name, _KINDS[name], parse_path(text)) for name, text in paths.items() if text)
        self._keep = tuple(parse_path(text) for text in route.keep)
        self._require_apart(route)

    def _require_apart(self, route: GenericRoute) -> None:
        """Raises ConfigError where an output would leave twice, once less precise and once as it is."""
        if not self._outputs:
            raise ConfigError(f"route {route.match!r} declares no output", hint="declare label, scores, values or embedding")
        everything = [*(each.path for each in self._outputs), *self._keep]
        for index, path in enumerate(everything[: len(self._outputs)]):
            for other in everything[index + 1 :]:
                if path.overlaps(other):
                    raise ConfigError(
                        f"paths {path.text!r} and {other.text!r} of route {route.match!r} overlap",
                        hint="an output may not lie inside another path",
                    )

    def read(self, route: Route, message: Message) -> Asked:
        """The rows under the input's path; raises MalformedRequest where there is nothing."""
        require_json(message)
        document = read_json(message.body)
        value = find(document, self._input.steps)
        if value is ABSENT:
            raise MalformedRequest(f"expected the input at {self._input.text}")
        inputs = _inputs(value, Every.ITEM in self._input.steps)
        return Asked(route, route.model, inputs, document=write_request(document))

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request as it was understood."""
        if not isinstance(asked.document, bytes):
            raise MalformedRequest("the request was read by another format")
        return Outgoing(asked.document, {**FORWARD_JSON, b"accept": b"application/json"})

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The declared outputs that are there; raises UnexpectedAnswer where none is."""
        document = read_answer(reply)
        found: list[_Found] = []
        for declared in self._outputs:
            value = find(document, declared.path.steps)
            if value is not ABSENT and value is not None:
                found.append(_read_output(declared, value, asked.inputs.rows))
        if not found:
            raise UnexpectedAnswer("none of the declared outputs is in the answer")
        return Given(Answer(tuple(each.output for each in found)), _Reply(document, tuple(found)))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The answer with released outputs and kept fields only."""
        reply = given.document
        if not isinstance(reply, _Reply):
            raise UnexpectedAnswer("the answer was read by another format")
        outputs = {output.name: output for output in released.outputs}
        document = reply.document
        kept: list[tuple[Step, ...]] = [path.steps for path in self._keep]
        for each in reply.found:
            output = outputs.get(each.declared.name)
            if output is None:
                continue
            kept.append(each.declared.path.steps)
            if output.values is not None:
                document = replace(document, each.declared.path.steps, _write_output(each, output))
        rest = tree_of(kept).keep(document) if kept else ABSENT
        return Outgoing(write_answer({} if rest is ABSENT else rest), DELIVER_JSON)


def _inputs(value: object, every: bool) -> Inputs:
    """The rows under a path: its items where it passes ``[*]``, or where they are lists, objects or texts; else one row."""
    if every or (isinstance(value, list) and value and isinstance(value[0], list | dict | str)):
        rows = require_rows(value, "the input")
        return Inputs(kind_of(rows[0]), len(rows), rows)
    if value is None or value == []:
        raise MalformedRequest("the input is empty")
    kind = kind_of(value)
    return Inputs(kind if kind is not InputKind.NUMBERS or _numeric(value) else InputKind.OPAQUE, 1, [value])


def _numeric(value: object) -> bool:
    return isinstance(value, int | float | list)


def _read_output(declared: _Declared, value: object, rows: int) -> _Found:
    if declared.kind is OutputKind.LABELS:
        _require_labels(declared, value)
        return _Found(declared, Output(declared.name, OutputKind.LABELS, None), (), (), listed=True)
    names, numbers = _without_names(declared, value)
    listed = isinstance(numbers, list)
    items = numbers if isinstance(numbers, list) else [numbers]
    array = to_array(declared.name, items, leaf_types(items))
    if rows == 1 and array.ndim == 1:
        array = array.reshape(1, -1)
    elif len(array) != rows:
        raise UnexpectedAnswer(f"expected {rows} rows at {declared.path.text}, found {len(array)}")
    return _Found(declared, Output(declared.name, declared.kind, flat(array)), np.shape(items), names, listed)


def _require_labels(declared: _Declared, value: object) -> None:
    """Raises UnexpectedAnswer for a label that is a number with a fraction: it would leave as it is."""
    leaves = [value]
    for leaf in leaves:
        if isinstance(leaf, list):
            leaves.extend(leaf)
        elif isinstance(leaf, dict) or (isinstance(leaf, float) and not leaf.is_integer()):
            raise UnexpectedAnswer(f"expected a label at {declared.path.text}")


def _without_names(declared: _Declared, value: object) -> tuple[tuple[str, ...], object]:
    """The numbers of an object of class names, or of a list of such, in one order of names; other values as they are."""
    if isinstance(value, dict) and value:
        _require_lone(declared, value)
        return tuple(value), list(value.values())
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0]:
        names = tuple(value[0])
        if not all(isinstance(each, dict) and each.keys() == value[0].keys() for each in value):
            raise UnexpectedAnswer(f"the objects at {declared.path.text} differ in their names")
        _require_lone(declared, value[0])
        return names, [[each[name] for name in names] for each in value]
    return (), value


def _require_lone(declared: _Declared, numbers: Mapping[str, object]) -> None:
    if list in set(map(type, numbers.values())):
        raise UnexpectedAnswer(f"expected one number for each name at {declared.path.text}")


def _write_output(found: _Found, output: Output) -> object:
    """Released numbers as they were laid out: bare, in lists, or in objects by name."""
    values = output.values
    if values is None:
        return None
    names = found.names[: values.shape[1]]
    if len(found.shape) == 1:
        numbers: list[float] = values.reshape(-1).tolist()
        if names:
            return dict(zip(names, numbers, strict=True))
        return numbers if found.listed else numbers[0]
    rows: list[list[float]] = shaped(values, found.shape).tolist()
    return [dict(zip(names, row, strict=True)) for row in rows] if names else rows
