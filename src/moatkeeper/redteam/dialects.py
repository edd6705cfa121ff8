"""The thief's side of the wire formats: how a batch of questions is written as JSON, and how its answers are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.redteam.base import A, Q
from moatkeeper.redteam.trade import Trade

_SHOWN = 200  # characters of an answer that an error quotes


@dataclass(frozen=True, slots=True)
class Wire:
    """What a thief knows of an API from its documentation.

    ``output`` names the output that is wanted of several, ``labels`` the classes in order where answers are decisions,
    ``columns`` the names of a row's fields. ``input`` and ``datatype`` are KServe v2's tensor; ``route`` and the paths are
    those of a JSON API of no known format; ``tokens`` are the texts of a vocabulary, by id; ``shown`` the log-probabilities
    that are asked for; ``max_tokens`` how long a written answer may be.
    """

    format: str
    output: str = ""
    labels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    input: str = "input"
    datatype: str = "FP64"
    route: str = ""
    input_path: str = "$.inputs"
    output_path: str = "$.scores"
    tokens: tuple[str, ...] = ()
    shown: int = 0
    max_tokens: int = 256


@dataclass(frozen=True, slots=True)
class Dialect(Generic[Q, A]):
    """One format for one kind of question. ``decode`` gets the number of questions, and raises UnexpectedAnswer."""

    path: Callable[[str], str]
    encode: Callable[[Q, str], object]
    decode: Callable[[object, int], A]
    trade: Trade[Q, A]
    portion: int  # questions in a request; larger: fewer requests, and more of an account's last allowance left unused


def unexpected(expected: str, found: object) -> UnexpectedAnswer:
    """The error that says so."""
    return UnexpectedAnswer(f"expected {expected}, found {str(found)[:_SHOWN]!r}")


def field(document: object, name: str) -> object:
    """A field of an object; raises UnexpectedAnswer where there is none."""
    if not isinstance(document, Mapping) or name not in document:
        raise unexpected(f"an object with {name}", document)
    return cast(object, document[name])


def items(value: object, count: int | None = None) -> Sequence[object]:
    """A list, of ``count`` items where that is given; raises UnexpectedAnswer for anything else."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise unexpected("a list" if count is None else f"a list of {count} answers", value)
    return value


def first(value: object) -> object:
    """The first of a list; raises UnexpectedAnswer where there is none."""
    found = items(value)
    if not found:
        raise unexpected("a list with an answer", value)
    return found[0]


def answers(value: object, rows: int, wire: Wire) -> FloatArray:
    """Scores, values or one-hot decisions, shape (rows, k), from what stands for ``rows`` answers in a document."""
    found = items(value, rows)
    if found and isinstance(found[0], Mapping):
        found = [_chosen(record, wire) for record in found]
    if wire.labels and not any(isinstance(item, list | float) for item in found):
        return one_hot(found, wire.labels)
    try:
        numbers = np.asarray(found, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        hint = "" if wire.labels or not any(isinstance(item, str) for item in found) else "; name the classes with --labels"
        raise UnexpectedAnswer(f"expected {rows} rows of numbers, found {str(found)[:_SHOWN]!r}{hint}") from error
    return numbers.reshape(rows, -1) if rows else np.empty((0, 0))


def one_hot(found: Sequence[object], labels: tuple[str, ...]) -> FloatArray:
    """Decisions as rows of 0 and one 1, shape (n, k); raises UnexpectedAnswer for a class that is not among ``labels``."""
    decided = np.zeros((len(found), len(labels)))
    for row, label in enumerate(found):
        try:
            decided[row, labels.index(str(label))] = 1.0
        except ValueError:
            raise UnexpectedAnswer(f"found class {label!r}, expected one of {', '.join(labels)}") from None
    return decided


def _chosen(record: object, wire: Wire) -> object:
    if not isinstance(record, Mapping):
        raise unexpected("an object like the first", record)
    if wire.output:
        return field(record, wire.output)
    if len(record) != 1:
        raise UnexpectedAnswer(f"found outputs {', '.join(map(str, record))}, expected one; choose with --output")
    return next(iter(record.values()))
