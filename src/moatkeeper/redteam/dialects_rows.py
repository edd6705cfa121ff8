"""Dialects for rows of numbers and for texts to numbers: TensorFlow Serving, KServe v2, MLflow, any JSON by its paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.base import Q
from moatkeeper.redteam.dialects import Dialect, Wire, answers, field, items, unexpected
from moatkeeper.redteam.dialects_openai import openai_classifier, openai_embeddings
from moatkeeper.redteam.trade import ROWS, TEXTS, Trade
from moatkeeper.wire.generic_paths import ABSENT, Every, Step, find, parse_path

ROWS_PER_REQUEST = 50
"""Small enough that a free account's last allowance is mostly used."""

Plain = Callable[[Q], list[object]]
"""Questions as JSON can write them, one item each."""


def row_dialect(wire: Wire) -> Dialect[FloatArray, FloatArray]:
    """The dialect of a format for rows; raises UsageError for a format that has none."""

    def plain(rows: FloatArray) -> list[object]:
        return list(rows.tolist())

    return _dialect(wire, plain, ROWS, _KServeTensor(wire.datatype, lambda rows: list(rows.shape[1:])))


def text_dialect(wire: Wire) -> Dialect[Sequence[str], FloatArray]:
    """The dialect of a format for texts; raises UsageError for a format that has none."""
    if wire.format == "openai-embeddings":
        return openai_embeddings()
    if wire.format == "openai-chat":
        return openai_classifier(wire)
    return _dialect(wire, lambda texts: list(texts), TEXTS, _KServeTensor("BYTES", lambda texts: []))


class _KServeTensor:
    """What KServe v2 wants to know of the input tensor."""

    def __init__(self, datatype: str, shape: Callable[..., list[int]]) -> None:
        self.datatype = datatype
        self.shape = shape


def _dialect(wire: Wire, plain: Plain[Q], trade: Trade[Q, FloatArray], tensor: _KServeTensor) -> Dialect[Q, FloatArray]:
    if wire.format == "tensorflow":
        return Dialect(
            lambda model: f"/v1/models/{quote(model)}:predict",
            lambda questions, model: {"instances": plain(questions)},
            lambda document, rows: answers(field(document, "predictions"), rows, wire),
            trade,
            ROWS_PER_REQUEST,
        )
    if wire.format == "kserve":
        return Dialect(
            lambda model: f"/v2/models/{quote(model)}/infer",
            lambda questions, model: {"inputs": [_tensor(wire, tensor, plain(questions), questions)]},
            lambda document, rows: _read_tensor(document, rows, wire),
            trade,
            ROWS_PER_REQUEST,
        )
    if wire.format == "mlflow":
        return Dialect(
            lambda model: "/invocations",
            lambda questions, model: _frame(wire, plain(questions)),
            lambda document, rows: answers(field(document, "predictions"), rows, wire),
            trade,
            ROWS_PER_REQUEST,
        )
    if wire.format == "generic":
        return _generic(wire, plain, trade)
    raise UsageError(
        f"the format {wire.format!r} does not carry such questions",
        hint="Rows: tensorflow, kserve, mlflow, generic; texts also openai-embeddings and openai-chat.",
    )


def _tensor(wire: Wire, tensor: _KServeTensor, rows: list[object], questions: object) -> dict[str, object]:
    shape = [len(rows), *tensor.shape(questions)]
    return {"name": wire.input, "shape": shape, "datatype": tensor.datatype, "data": rows}


def _read_tensor(document: object, rows: int, wire: Wire) -> FloatArray:
    tensors = items(field(document, "outputs"))
    for tensor in tensors:
        name, data = field(tensor, "name"), items(field(tensor, "data"))
        if wire.output and name != wire.output:
            continue
        if len(data) == rows:
            return answers(data, rows, wire)
        width, left = divmod(len(data), rows or 1)
        if left:
            raise unexpected(f"numbers for {rows} rows", data)
        return answers([list(data[row * width : (row + 1) * width]) for row in range(rows)], rows, wire)
    raise unexpected(f"the output {wire.output}" if wire.output else "an output", tensors)


def _frame(wire: Wire, rows: list[object]) -> dict[str, object]:
    if wire.columns:
        return {"dataframe_split": {"columns": list(wire.columns), "data": rows}}
    return {"inputs": rows}


def _generic(wire: Wire, plain: Plain[Q], trade: Trade[Q, FloatArray]) -> Dialect[Q, FloatArray]:
    method, _, path = wire.route.partition(" ")
    if method != "POST" or not path.startswith("/"):
        raise UsageError(f"found route {wire.route!r}, expected POST and a path", hint='Such as --route "POST /score".')
    source, target = parse_path(wire.input_path).steps, parse_path(wire.output_path).steps

    def decode(document: object, rows: int) -> FloatArray:
        found = find(document, target)
        if found is ABSENT:
            raise unexpected(f"something at {wire.output_path}", document)
        return answers(found, rows, wire)

    return Dialect(
        lambda model: path.replace("{model}", quote(model)),
        lambda questions, model: _placed(source, plain(questions)),
        decode,
        trade,
        ROWS_PER_REQUEST,
    )


def _placed(steps: Sequence[Step], rows: object) -> object:
    """A document that has the rows where the path leads, and nothing else."""
    if not steps:
        return rows
    step, rest = steps[0], steps[1:]
    if step is Every.ITEM:
        return [_placed(rest, row) for row in items(rows)]
    if isinstance(step, str):
        return {step: _placed(rest, rows)}
    if step == 0:
        return [_placed(rest, rows)]
    raise UsageError(f"found position [{step}] in the path of the input, expected [0] or [*]")
