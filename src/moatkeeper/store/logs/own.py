"""Moatkeeper's own exchange log: one JSON object a line, written by the gateway and read by a hunt.

    {"moatkeeper": 1,                  version of the form
     "id": "01J...",                   of the request
     "at": 1767225600.25,              UTC seconds
     "account": "acme",  "organisation": "...",  "key": "...",  "address": "198.51.100.7",  "agent": "...",
     "model": "credit",
     "inputs": {"kind": "numbers", "rows": 1, "values": [[...]]},
     "outputs": [{"name": "probabilities", "kind": "scores", "values": [[...]]}],
     "tokens": 0,  "turns": 2,  "system": "...",  "room": 0.93}

``kind`` of inputs is one of numbers, records, texts, chats and opaque. Of a chat, ``values`` is the last message of the user,
``system`` the system prompt and ``turns`` the number of the user's messages: what detectors look at, and no more.
``outputs`` are the model's true answer, before anything was taken from it; labels in words are not carried. ``room`` is the
share of the tightest limit that was left. Fields that are empty are left out; numbers that are not finite are null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.patterns.intake import STAGES
from moatkeeper.store.logs.base import NAN, Entry, Passed, Reading, Record, Unreadable, have
from moatkeeper.store.logs.bodies import chat, flat

VERSION = 1
MARK = "moatkeeper"
_KINDS = frozenset(kind.value for kind in InputKind)
_PREFERRED = (OutputKind.SCORES.value, OutputKind.NUMBERS.value, OutputKind.VALUES.value)


def encode(exchange: Exchange, *, agent: str = "") -> bytes:
    """One line of the log, its newline included; costs a few microseconds beyond the writing of its numbers."""
    query, quota = exchange.query, exchange.decision.quota
    caller = query.caller
    fields: dict[str, object] = {MARK: VERSION, "id": query.id, "at": query.at, "account": caller.account.id}
    if caller.account.organisation:
        fields["organisation"] = caller.account.organisation
    if caller.key_id:
        fields["key"] = caller.key_id
    if caller.address:
        fields["address"] = caller.address
    if agent:
        fields["agent"] = agent
    fields["model"] = query.model
    fields["inputs"] = _inputs(query.inputs, fields)
    fields["outputs"] = [
        {"name": output.name, "kind": output.kind.value, "values": _plain(output.numbers)} for output in exchange.answer.outputs
    ]
    if exchange.answer.tokens:
        fields["tokens"] = exchange.answer.tokens
    if quota is not None and quota.limit > 0:
        fields["room"] = quota.remaining / quota.limit
    return orjson.dumps(fields, default=_other, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _inputs(inputs: Inputs, fields: dict[str, object]) -> dict[str, object]:
    values = inputs.values
    if inputs.kind is InputKind.OPAQUE:
        values = None
    elif inputs.kind is InputKind.CHATS and isinstance(values, Sequence) and values:
        found = chat(list(values[0]) if isinstance(values[0], list | tuple) else values[0])
        values = list(found.texts or ("",)) * inputs.rows
        fields["turns"] = found.turns
        if found.system:
            fields["system"] = found.system
    return {"kind": inputs.kind.value, "rows": inputs.rows, "values": _plain(values)}


def _plain(values: object) -> object:
    """Arrays as the writer takes them: contiguous, and never of objects."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values) if values.dtype.kind in "fiub" else values.tolist()
    return values


def _other(value: object) -> object:
    """What JSON has no word for: arrays inside of lists, bytes, and anything else as its text."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class OwnLog:
    """The form ``moatkeeper``."""

    name: str = "moatkeeper"
    holds: str = "Moatkeeper's own exchange log: everything that detectors look at"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By the version field."""
        return have(records, (MARK, "inputs"))

    def read(self, record: Record) -> Reading:
        """The exchange in a line; raises Unreadable."""
        get = record.get
        at, inputs, room = get("at"), get("inputs"), get("room")
        if type(at) is not float and type(at) is not int:
            raise Unreadable('found no "at", expected UTC seconds')
        if type(inputs) is not dict:
            raise Unreadable('found no "inputs", expected an object with kind, rows and values')
        rows, kind, values = inputs.get("rows", 1), inputs.get("kind"), inputs.get("values")
        if type(rows) is not int or rows < 0 or kind not in _KINDS:
            raise Unreadable(f"found {rows} rows of kind {kind!r}, expected a number of one of {', '.join(sorted(_KINDS))}")
        if rows == 0:
            return Passed("no rows were asked")
        outputs = get("outputs")
        scores, labels = _outputs(outputs, rows) if outputs else (None, None)
        numbers: Sequence[Sequence[object]] | None = None
        texts: list[str] | None = None
        columns: tuple[str, ...] = ()
        if values is not None:
            if kind == "numbers":
                numbers = _numbers(values)
            elif kind == "records":
                numbers, columns = _records(values)
            elif type(values) is list:
                texts = [text if type(text) is str else "" for text in values]
        # Positional, and fields as they are: this runs for every line, and what is no text is mended many at once (sheet.py).
        return _entry(
            get("account", ""),
            at,
            get("model", ""),
            get("id", ""),
            get("organisation", ""),
            get("key", ""),
            get("address", ""),
            get("agent", ""),
            numbers,
            columns,
            texts,
            rows,
            scores,
            labels,
            get("system", ""),
            get("turns", -1),
            get("tokens", -1),
            NAN if room is None else room,
            NAN,
            _stages(outputs, rows),
        )


_entry: Callable[..., Entry] = Entry


def _numbers(values: object) -> Sequence[Sequence[object]]:
    if type(values) is not list:
        raise Unreadable("found numbers that are no list, expected a list with an item a row")
    if values and type(values[0]) is list and values[0] and type(values[0][0]) is not list:
        return values
    return [flat(row) for row in values]


def _records(values: object) -> tuple[Sequence[Sequence[object]], tuple[str, ...]]:
    if type(values) is not list or not values or not all(isinstance(row, Mapping) for row in values):
        raise Unreadable("found records that are no list of objects, expected an object a row")
    columns = tuple(sorted(values[0]))
    if any(len(row) != len(columns) for row in values):
        raise Unreadable("found records that differ in their names, expected the same ones in each")
    return [flat([row.get(name) for name in columns]) for row in values], columns


def _stages(outputs: object, rows: int) -> Sequence[Sequence[object]] | None:
    if type(outputs) is not list or len(outputs) < 2:
        return None
    found = next((one.get("values") for one in outputs if type(one) is dict and one.get("name") == STAGES), None)
    return found if type(found) is list and len(found) == rows and all(type(one) is list for one in found) else None


def _outputs(outputs: object, rows: int) -> tuple[Sequence[Sequence[object]] | None, Sequence[object] | None]:
    """The output that decides: scores before undeclared numbers before values, then labels, then embeddings."""
    if type(outputs) is not list:
        return None, None
    if len(outputs) == 1 and type(outputs[0]) is dict and outputs[0].get("kind") == _PREFERRED[0]:
        values = outputs[0].get("values")
        if type(values) is list and len(values) == rows and type(values[0]) is list:
            return values, None
    named = [output for output in outputs if type(output) is dict and output.get("name") != STAGES]
    by_kind = {output.get("kind"): output.get("values") for output in reversed(named)}
    for kind in _PREFERRED:
        values = by_kind.get(kind)
        if type(values) is list and values:
            wide = values if type(values[0]) is list else [values] if rows == 1 else [[one] for one in values]
            return (wide, None) if len(wide) == rows else (None, None)
    labels = by_kind.get(OutputKind.LABELS.value)
    if type(labels) is list and len(labels) == rows:
        return None, [one[0] if type(one) is list and one else one for one in labels]
    embeddings = by_kind.get(OutputKind.EMBEDDINGS.value)
    if type(embeddings) is list and len(embeddings) == rows and type(embeddings[0]) is list:
        return embeddings, None
    return None, None
