"""Requests and responses as logs hold them: the bodies of model servers' APIs, taken for rows, scores, texts and tokens.

The gateway's wire formats refuse what they do not know; a log is taken as it is, so here everything that can be read counts:

    TensorFlow Serving, KServe v1     {"instances": [...]} -> {"predictions": [...]}
    KServe v2 (Open Inference)        {"inputs": [{"name", "shape", "data"}]} -> {"outputs": [...]}
    MLflow, SageMaker                 dataframe_split, dataframe_records, instances, inputs -> {"predictions": ...}
    OpenAI, vLLM                      messages, prompt or input -> choices, data, usage
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from moatkeeper.patterns.chats import chat_columns
from moatkeeper.store.logs.base import Unreadable, count_of

_SCORE_NAMES = ("probabilities", "predict_proba", "scores", "logits", "softmax")
"""Outputs by these names are scores, whatever else a model says beside them."""


class Asked(NamedTuple):
    """What a request holds; the fields of an Entry."""

    numbers: Sequence[Sequence[object]] | None = None
    columns: tuple[str, ...] = ()
    texts: Sequence[str] | None = None
    rows: int = 1
    system: str = ""
    turns: int = -1
    model: str = ""


class Answered(NamedTuple):
    """What a response holds."""

    scores: Sequence[Sequence[object]] | None = None
    labels: Sequence[object] | None = None
    tokens: int = -1
    model: str = ""


def document(value: object, what: str) -> object:
    """A JSON value that may still be a text of JSON; raises Unreadable."""
    if type(value) is not str:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"found a {what} that is no JSON ({error}), expected what the model server got or sent") from None


def asked(body: object) -> Asked:
    """The rows of a request's body; raises Unreadable."""
    if isinstance(body, list):
        return _rows(body)
    if not isinstance(body, Mapping):
        raise Unreadable("found a request that is neither an object nor a list, expected the body that the model server got")
    model = body.get("model")
    named = model if isinstance(model, str) else ""
    if "messages" in body:
        return chat(body["messages"], named)
    if "prompt" in body:
        return _prompts(body["prompt"], named)
    if "dataframe_split" in body and isinstance(body["dataframe_split"], Mapping):
        return _split(body["dataframe_split"])
    for name in ("dataframe_records", "instances"):
        if isinstance(body.get(name), list):
            return _rows(body[name])
    if "inputs" in body or "input" in body:
        given = body.get("inputs", body.get("input"))
        if isinstance(given, list) and given and isinstance(given[0], Mapping) and "data" in given[0]:
            return _tensors(given)
        if isinstance(given, list) and given and isinstance(given[0], Mapping) and "role" in given[0]:
            return chat(given, named)
        return _inputs(given)._replace(model=named)
    raise Unreadable(f"found a request with {_keys(body)}, expected instances, inputs, dataframe_split, messages or prompt")


def chat(messages: object, model: str = "") -> Asked:
    """The last message of the user, the system prompt and the turns, as the gateway tells its detectors."""
    if not isinstance(messages, list):
        return _prompts(messages, model)
    columns = chat_columns([messages])
    return Asked(texts=[columns.texts[0]], system=columns.systems[0], turns=int(columns.turns[0]), model=model)


def answered(body: object, rows: int) -> Answered:
    """The answers in a response's body, one a row; nothing where it has another number of rows or cannot be read."""
    if isinstance(body, list):
        return _outputs(body, rows)
    if not isinstance(body, Mapping):
        return Answered()
    model = body.get("model")
    named = model if isinstance(model, str) else ""
    usage = body.get("usage")
    if isinstance(usage, Mapping):
        tokens = count_of(usage.get("completion_tokens", usage.get("output_tokens")))
        return Answered(tokens=tokens, model=named)
    if "predictions" in body:
        return _outputs(body["predictions"], rows)
    outputs = body.get("outputs")
    if isinstance(outputs, list) and outputs and isinstance(outputs[0], Mapping) and "data" in outputs[0]:
        by_name = {str(one.get("name", place)): _shaped(one) for place, one in enumerate(outputs) if isinstance(one, Mapping)}
        return _outputs(by_name, rows)._replace(model=str(body.get("model_name", "")))
    return _outputs(outputs, rows) if outputs is not None else Answered(model=named)


def _content(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(str(part["text"]) for part in value if isinstance(part, Mapping) and isinstance(part.get("text"), str))
    return ""


def _prompts(value: object, model: str) -> Asked:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Unreadable("found a prompt that is no text, expected a text or a list of texts")
    return Asked(texts=[str(text) for text in texts], rows=len(texts), model=model)


def _rows(rows: list[object]) -> Asked:
    """Rows as lists, objects or texts, all of one kind and width; raises Unreadable for others."""
    if not rows:
        raise Unreadable("found a request without rows, expected at least one")
    first = rows[0]
    if isinstance(first, str):
        return _prompts(rows, "")
    if isinstance(first, Mapping):
        names = tuple(sorted(map(str, first)))
        if not all(isinstance(row, Mapping) and len(row) == len(names) for row in rows):
            raise Unreadable("found rows that differ in their names, expected the same ones in each")
        return Asked(
            numbers=[flat([row.get(name) for name in names]) for row in rows if isinstance(row, Mapping)],
            columns=names,
            rows=len(rows),
        )
    numbers = [flat(row) for row in rows]
    if len({len(row) for row in numbers}) != 1:
        raise Unreadable("found rows that differ in length, expected as many numbers in each")
    return Asked(numbers=numbers, rows=len(rows))


def _split(frame: Mapping[str, object]) -> Asked:
    data, columns = frame.get("data"), frame.get("columns")
    if not isinstance(data, list):
        raise Unreadable("found a dataframe_split without data, expected a list of rows")
    found = _rows(data)
    if isinstance(columns, list) and found.numbers is not None and len(columns) == len(found.numbers[0]):
        order = sorted(range(len(columns)), key=lambda place: str(columns[place]))
        return found._replace(
            numbers=[[row[place] for place in order] for row in found.numbers],
            columns=tuple(str(columns[place]) for place in order),
        )
    return found


def _inputs(given: object) -> Asked:
    """A list with an item a row, one text, or an object of columns."""
    if isinstance(given, str):
        return Asked(texts=[given])
    if isinstance(given, Mapping):
        names = tuple(sorted(map(str, given)))
        columns = [given[name] for name in names]
        if all(isinstance(column, list) for column in columns) and columns:
            return _rows([dict(zip(names, row, strict=False)) for row in zip(*columns, strict=False)])
    if isinstance(given, list):
        return _rows(given)
    raise Unreadable("found inputs that are no rows, expected a list with an item a row or an object of columns")


def _tensors(tensors: list[object]) -> Asked:
    """KServe v2: tensors whose first axis is the rows, side by side in the order of their names."""
    shaped = {str(one.get("name", place)): _shaped(one) for place, one in enumerate(tensors) if isinstance(one, Mapping)}
    names = sorted(shaped)
    counts = {len(shaped[name]) for name in names}
    if len(counts) != 1:
        raise Unreadable("found tensors that differ in their rows, expected as many in each")
    if len(names) == 1:
        return _rows(list(shaped[names[0]]))
    return _rows([[shaped[name][place] for name in names] for place in range(counts.pop())])


def _shaped(tensor: Mapping[str, object]) -> list[object]:
    """The rows of a v2 tensor whose data may be flat."""
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list):
        raise Unreadable("found a tensor whose data is no list; binary tensors are not in logs of JSON")
    rows = shape[0] if isinstance(shape, list) and shape and isinstance(shape[0], int) else len(data)
    if rows <= 0 or len(data) == rows:
        return data
    width = len(data) // rows
    return [data[place * width : (place + 1) * width] for place in range(rows)]


def _outputs(value: object, rows: int) -> Answered:
    """One output, or several by name: scores before labels, and of several scores those with a telling name."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        names = list(value[0])
        value = {name: [row.get(name) if isinstance(row, Mapping) else None for row in value] for name in names}
    if isinstance(value, Mapping):
        found = [(str(name), _outputs(one, rows)) for name, one in value.items() if isinstance(one, list)]
        scores = sorted((one for one in found if one[1].scores is not None), key=lambda one: one[0].lower() not in _SCORE_NAMES)
        labels = next((one.labels for _, one in found if one.labels is not None), None)
        return Answered(scores[0][1].scores if scores else None, None if scores else labels)
    if not isinstance(value, list) or len(value) != rows or not value:
        return Answered()
    if isinstance(value[0], list):
        wide = [flat(row) for row in value]
        return Answered(scores=wide) if not any(isinstance(cell, str) for cell in wide[0]) else Answered()
    if all(type(one) is float for one in value):
        return Answered(scores=[[one] for one in value])
    return Answered(labels=value)


def flat(row: object) -> list[object]:
    """A row's cells, nested lists opened."""
    if not isinstance(row, list):
        return [row]
    if not any(isinstance(cell, list) for cell in row):
        return row
    cells: list[object] = []
    for cell in row:
        cells += flat(cell)
    return cells


def _keys(body: Mapping[str, object]) -> str:
    return ", ".join(sorted(map(str, body))[:8]) or "no fields"
