"""MLflow's and SageMaker's ``/invocations``: data frames, tensors, plain arrays and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.core.quick import quick
from moatkeeper.errors import MalformedRequest, MethodRefused, UnexpectedAnswer, UnsupportedMedia
from moatkeeper.wire.base import Asked, Codec, Given, Message, Outgoing, Purpose, Route, media_type
from moatkeeper.wire.documents import (
    DELIVER_JSON,
    FORWARD_JSON,
    JSON_TYPES,
    Unary,
    parse_answer,
    read_json,
    require_plain,
    require_readable,
    write_answer,
    write_request,
)
from moatkeeper.wire.plain import Plain
from moatkeeper.wire.predictions import Predictions, read_predictions
from moatkeeper.wire.rows import all_numbers, by_column, by_row, records, require_rows
from moatkeeper.wire.tables import Cells, Table, TableFault, numeric_columns, put, read_table, take, write_table

CSV = "text/csv"
PREDICTIONS = "predictions"
_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")

_ERROR_CODES: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""MLflow's names of HTTP statuses; other 4xx are BAD_REQUEST, other 5xx INTERNAL_ERROR."""


class MLflow:
    """The format ``mlflow``."""

    name = "mlflow"

    def __init__(self) -> None:
        self._codecs: Mapping[str, Codec] = {"invocations": Invocations(), "health": Plain()}

    def match(self, method: str, path: str) -> Route | None:
        """The route of ``/invocations`` and of the three paths that tell of health."""
        if path == "/invocations":
            if method != "POST":
                raise MethodRefused("invocations takes POST")
            return Route(self.name, "invocations", Purpose.INFER)
        if path in ("/ping", "/health", "/version"):
            if method not in ("GET", "HEAD"):
                raise MethodRefused("health takes GET")
            return Route(self.name, "health", Purpose.PLAIN)
        return None

    def codec(self, route: Route) -> Codec:
        """The codec of the route's operation."""
        return self._codecs[route.operation]

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """``{"error_code": ..., "message": ...}``, as MLflow answers."""
        fallback = "INTERNAL_ERROR" if status >= 500 else "BAD_REQUEST"  # 5xx begin there
        return orjson.dumps({"error_code": _ERROR_CODES.get(status, fallback), "message": message})


@quick
@dataclass(frozen=True, slots=True)
class _Request:
    """The bytes to send on, their media type, and what the answer may look like."""

    body: bytes
    media: bytes
    accept: bytes
    spare_line: bool = False  # the first line of a table may have been its names: an answer may be one row shorter


@quick
@dataclass(frozen=True, slots=True)
class _Json:
    """An answer in JSON; ``wrapped`` says that it stands under ``predictions``."""

    predictions: Predictions
    wrapped: bool


@dataclass(frozen=True, slots=True)
class _Csv:
    """An answer in CSV and the columns of it that hold measured numbers."""

    table: Table
    columns: list[int]


class Invocations(Unary):
    """The codec of ``/invocations``."""

    def read(self, route: Route, message: Message) -> Asked:
        """The rows asked about; raises MalformedRequest or UnsupportedMedia."""
        require_plain(message)
        kind = media_type(message)
        accept = CSV.encode() if message.header(b"accept").lower().startswith(CSV.encode()) else b"application/json"
        if kind == CSV:
            inputs, request = _read_csv(message.body, accept)
        elif kind in JSON_TYPES:
            document = read_json(message.body)
            inputs, kept = _read_document(document)
            request = _Request(write_request(kept), b"application/json", accept)
        else:
            raise UnsupportedMedia("expected application/json or text/csv")
        return Asked(route, route.model, inputs, document=request)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request as it was understood."""
        request = _request(asked)
        return Outgoing(request.body, {**FORWARD_JSON, b"content-type": request.media, b"accept": request.accept})

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The outputs: ``predictions`` where there is one, else the columns of the records by name."""
        require_readable(reply)
        kind = media_type(reply)
        if kind == CSV:
            return _read_csv_answer(asked, reply.body)
        if kind not in JSON_TYPES:
            raise UnexpectedAnswer(f"expected predictions in JSON or CSV, found {kind}")
        document = parse_answer(reply.body)
        wrapped = isinstance(document, dict)
        if isinstance(document, dict):
            if PREDICTIONS not in document:
                raise UnexpectedAnswer("expected an object with predictions")
            document = document[PREDICTIONS]
        predictions = read_predictions(PREDICTIONS, document, _answered_rows(asked, document))
        return Given(Answer(predictions.outputs()), _Json(predictions, wrapped))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same answer with the released outputs only."""
        reply = given.document
        if isinstance(reply, _Csv):
            body = write_table(_released_lines(reply, released))
            return Outgoing(body, {**DELIVER_JSON, b"content-type": b"text/csv; charset=utf-8"})
        if not isinstance(reply, _Json):
            raise UnexpectedAnswer("the answer was read by another format")
        value = reply.predictions.write(released.outputs)
        document: object = value if not reply.wrapped else {} if value is None else {PREDICTIONS: value}
        return Outgoing(write_answer([] if document is None else document), DELIVER_JSON)


def _request(asked: Asked) -> _Request:
    if not isinstance(asked.document, _Request):
        raise MalformedRequest("the request was read by another format")
    return asked.document


def _read_document(document: object) -> tuple[Inputs, object]:
    """The rows of a JSON request, and the request with nothing but its rows and parameters."""
    if isinstance(document, list):
        return by_row(document, "the array"), document
    if not isinstance(document, dict):
        raise MalformedRequest("the body must be a JSON object or array")
    forms = [form for form in _FORMS if form in document]
    if len(forms) != 1:
        raise MalformedRequest(f"expected exactly one of {', '.join(_FORMS)}")
    kept = {forms[0]: document[forms[0]]}
    if document.get("params") is not None:
        if not isinstance(document["params"], dict):
            raise MalformedRequest("params must be an object")
        kept["params"] = document["params"]
    return _read_form(forms[0], document[forms[0]]), kept


def _read_form(form: str, value: object) -> Inputs:
    if form == "dataframe_split":
        return _read_split(value)
    if form == "dataframe_records":
        rows = require_rows(value, form)
        if not isinstance(rows[0], dict):
            raise MalformedRequest("dataframe_records must be a list of objects")
        return Inputs(InputKind.RECORDS, len(rows), rows)
    return by_row(value, form) if form == "instances" else by_column(value, form)


def _read_split(frame: object) -> Inputs:
    """The rows of a data frame whose columns are named apart."""
    if not isinstance(frame, dict):
        raise MalformedRequest("dataframe_split must be an object")
    rows = require_rows(frame.get("data"), "dataframe_split.data")
    first = rows[0]
    columns = frame.get("columns")
    if not isinstance(first, list):
        raise MalformedRequest("dataframe_split.data must be a list of rows")
    if columns is not None and (not isinstance(columns, list) or len(columns) != len(first)):
        raise MalformedRequest("dataframe_split.columns must name each column of the data")
    if "index" in frame and (not isinstance(frame["index"], list) or len(frame["index"]) != len(rows)):
        raise MalformedRequest("dataframe_split.index must name each row of the data")
    if columns is None or all_numbers(first):
        return Inputs(InputKind.NUMBERS, len(rows), rows)
    names = [str(name) for name in columns]
    return Inputs(InputKind.RECORDS, len(rows), records(names, [tuple(row) for row in rows if isinstance(row, list)]))


def _read_csv(body: bytes, accept: bytes) -> tuple[Inputs, _Request]:
    """The rows of a table. Without names in the first line it counts as a row, although MLflow takes it for names."""
    try:
        table = read_table(body)
    except TableFault as fault:
        raise MalformedRequest(str(fault)) from None
    rows = table.rows
    if not rows:
        raise MalformedRequest("the table must hold at least one row")
    names = table.lines[0] if table.headed else [str(index) for index in range(len(rows[0]))]
    inputs = Inputs(InputKind.RECORDS, len(rows), records(names, [tuple(row) for row in rows]))
    return inputs, _Request(write_table(table.lines), b"text/csv; charset=utf-8", accept, spare_line=True)


def _answered_rows(asked: Asked, value: object) -> int:
    """How many rows the answer should have: in answer to a table, one more or less for its first line."""
    rows = asked.inputs.rows
    if _request(asked).spare_line and isinstance(value, list) and abs(len(value) - rows) == 1 and value:
        return len(value)
    return rows


def _read_csv_answer(asked: Asked, body: bytes) -> Given:
    try:
        table = read_table(body)
        rows = _answered_rows(asked, table.rows)
        if len(table.rows) != rows and len(table.lines) == rows:
            table = Table(table.lines, headed=False)
        if len(table.rows) != rows:
            raise UnexpectedAnswer(f"expected {rows} rows of predictions, found {len(table.rows)}")
        columns = numeric_columns(table.rows)
        if not columns:
            return Given(Answer((Output(PREDICTIONS, OutputKind.LABELS, None),)), _Csv(table, columns))
        values = take(table.rows, columns)
    except TableFault as fault:
        raise UnexpectedAnswer(str(fault)) from None
    return Given(Answer((Output(PREDICTIONS, OutputKind.NUMBERS, values),)), _Csv(table, columns))


def _released_lines(reply: _Csv, released: Answer) -> Cells:
    output = next((each for each in released.outputs if each.name == PREDICTIONS), None)
    if output is None:
        return []
    names = reply.table.lines[:1] if reply.table.headed else []
    if output.values is None:
        return [*names, *reply.table.rows]
    return _with_numbers(reply, output, names)


def _with_numbers(reply: _Csv, output: Output, names: Cells) -> Cells:
    """The lines with released numbers; where there are fewer of them, the last columns of numbers go."""
    values = output.values
    if values is None:
        return []
    kept, gone = reply.columns[: values.shape[1]], set(reply.columns[values.shape[1] :])
    lines = [*names, *put(reply.table.rows, kept, values)]
    return [[cell for index, cell in enumerate(line) if index not in gone] for line in lines] if gone else lines
