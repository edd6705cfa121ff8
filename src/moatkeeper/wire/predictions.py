"""Answers in JSON that hold one output bare or several by name, row by row or column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from moatkeeper.core.answer import Output, OutputKind
from moatkeeper.core.quick import quick
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.numeric import Column, column, restore


class Form(Enum):
    """How the outputs of an answer are laid out."""

    BARE = "bare"  # one output: a list with an item for each row
    RECORDS = "records"  # a list with an object for each row, outputs by name
    COLUMNS = "columns"  # an object with a list for each output


@quick
@dataclass(frozen=True, slots=True)
class Predictions:
    """The outputs of one answer, and how to write them down again."""

    form: Form
    columns: tuple[Column, ...]
    rows: int

    def outputs(self) -> tuple[Output, ...]:
        """What policies work on, in the order of the wire."""
        return tuple([each.output for each in self.columns])

    def write(self, released: Sequence[Output]) -> object:
        """The JSON value with the released outputs only; None where a bare output is not among them."""
        if self.form is Form.BARE:
            bare = self.columns[0]
            for output in released:
                if output.name == bare.output.name:
                    return restore(output, bare)
            return None
        kept = kept_values(self.columns, released)
        if self.form is Form.COLUMNS:
            return kept
        if not kept:
            return [{} for _ in range(self.rows)]
        return [dict(zip(kept, row, strict=True)) for row in zip(*map(_list, kept.values()), strict=True)]


def read_predictions(name: str, value: object, rows: int) -> Predictions:
    """The outputs in a JSON value; ``name`` is what a bare one is called. Raises UnexpectedAnswer."""
    if isinstance(value, dict):
        return Predictions(Form.COLUMNS, _columns(value, rows), rows)
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0].keys() != {"b64"}:
        return Predictions(Form.RECORDS, _columns(_gathered(value), rows), rows)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return Predictions(Form.BARE, (_opaque(name, value, rows),), rows)
    return Predictions(Form.BARE, (column(name, OutputKind.NUMBERS, value, rows),), rows)


def _columns(values: Mapping[str, object], rows: int) -> tuple[Column, ...]:
    return tuple(
        _opaque(name, each, rows) if _is_opaque(each) else column(name, OutputKind.NUMBERS, each, rows)
        for name, each in values.items()
    )


def _gathered(records: list[object]) -> dict[str, object]:
    """A list for each name in a list of objects; raises UnexpectedAnswer where the objects differ in names."""
    objects = [each for each in records if isinstance(each, dict)]
    names = objects[0].keys()
    if len(objects) != len(records) or any(each.keys() != names for each in objects):
        raise UnexpectedAnswer("the predictions differ in their names")
    return {name: [each[name] for each in objects] for name in names}


def _is_opaque(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _opaque(name: str, value: object, rows: int) -> Column:
    """An output of base64 strings: bytes that the model says, and that nobody here can make less precise."""
    items = _list(value)
    if len(items) != rows or not all(isinstance(each, dict) and each.keys() == {"b64"} and _text(each) for each in items):
        raise UnexpectedAnswer(f"output {name!r} holds objects that are not base64 strings")
    return Column(Output(name, OutputKind.LABELS, None), value)


def _text(item: Mapping[str, object]) -> bool:
    return isinstance(item["b64"], str)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def kept_values(columns: Sequence[Column], released: Sequence[Output]) -> dict[str, object]:
    """The JSON values of the released outputs by name, in the order of the wire."""
    by_name = {output.name: output for output in released}
    return {each.output.name: restore(by_name[each.output.name], each) for each in columns if each.output.name in by_name}
