"""Completed exchanges as columns: what the gateway, replay and the red team hand over, for the detectors to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.answer import Answer, OutputKind
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.query import FloatArray, InputKind, Query
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.chats import ChatColumns, chat_columns
from moatkeeper.patterns.hashing import category_number

STAGES = "stages"
"""The name of the output in which a model says the classes of its earlier stages (early exits, boosting rounds)."""


class Told(NamedTuple):
    """What one exchange says, in plain arrays; None where it says nothing of the kind."""

    inputs: FloatArray | None
    chats: ChatColumns | None  # texts count as chats of one turn
    scores: FloatArray | None
    labels: IntArray | None
    stages: IntArray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Exchanges of one shape can be put below each other."""
        widths = [-1 if part is None else part.shape[1] for part in (self.inputs, self.scores, self.stages)]
        return (*widths, int(self.chats is None), int(self.labels is None))


def batches(exchanges: Iterable[Exchange], columns: Mapping[str, Sequence[str]]) -> dict[str, list[Batch]]:
    """The exchanges by model, those of one shape together, each in the order of arrival.

    ``columns`` names the inputs of models whose rows are records. Exchanges of which nothing is understood (opaque inputs, rows
    that are no numbers) are left out: they cannot be told from honest ones, and must not stop the others.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[tuple[Exchange, Told]]] = {}
    for exchange in exchanges:
        query = exchange.query
        told = told_by(query, exchange.answer, columns.get(query.model, ()))
        if told is not None:
            groups.setdefault((query.model, told.shape), []).append((exchange, told))
    found: dict[str, list[Batch]] = {}
    for (model, _), group in groups.items():
        found.setdefault(model, []).append(_batch(group, tuple(columns.get(model, ()))))
    return found


def told_by(query: Query, answer: Answer, columns: Sequence[str]) -> Told | None:
    """What a query and its answer say; None where the inputs are of no kind that detectors read."""
    rows = query.inputs.rows
    if not rows:
        return None
    try:
        inputs, chats = _inputs(query, columns)
    except (ValueError, TypeError, OverflowError):
        return None
    if (inputs is None and chats is None) or (chats is not None and len(chats.texts) != rows):
        return None
    scores, labels, stages = _answers(answer, rows)
    return Told(inputs, chats, scores, labels, stages)


def _inputs(query: Query, columns: Sequence[str]) -> tuple[FloatArray | None, ChatColumns | None]:
    given = query.inputs
    if given.kind is InputKind.NUMBERS:
        return given.numbers(), None
    if given.kind in (InputKind.TEXTS, InputKind.CHATS) and isinstance(given.values, Sequence):
        return None, chat_columns(given.values)
    if given.kind is InputKind.RECORDS and isinstance(given.values, Sequence) and columns:
        return np.array([[cell_number(record.get(name)) for name in columns] for record in given.values]), None
    return None, None


def cell_number(value: object) -> float:
    """A cell of a record as a number: categories by ``category_number``, NaN for what is missing or no plain value."""
    if isinstance(value, bool | int | float):
        return float(value)
    return category_number(value) if isinstance(value, str) else float("nan")


def _answers(answer: Answer, rows: int) -> tuple[FloatArray | None, IntArray | None, IntArray | None]:
    scores: FloatArray | None = None
    labels: IntArray | None = None
    stages: IntArray | None = None
    embeddings: FloatArray | None = None
    for output in answer.outputs:
        values = output.values
        if values is None or values.ndim != 2 or len(values) != rows:
            continue
        if output.name == STAGES:
            stages = _whole(values)
        elif output.kind is OutputKind.LABELS:
            labels = _whole(values)[:, 0] if labels is None else labels
        elif output.kind is OutputKind.EMBEDDINGS:
            embeddings = values if embeddings is None else embeddings
        elif scores is None:
            scores = values
    # Embeddings stand in for scores where there is no decision: how much of their space was visited is all that they tell.
    return embeddings if scores is None and labels is None else scores, labels, stages


def _whole(values: npt.NDArray[np.float64]) -> IntArray:
    plain = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(plain), np.rint(np.nan_to_num(plain)), -1).astype(np.int64)


def _batch(group: Sequence[tuple[Exchange, Told]], columns: tuple[str, ...]) -> Batch:
    numbers: dict[str, int] = {}
    sizes = [exchange.query.inputs.rows for exchange, _ in group]
    owners = [numbers.setdefault(exchange.query.caller.account.id, len(numbers)) for exchange, _ in group]
    quotas = [exchange.decision.quota for exchange, _ in group]
    first = group[0][1]
    told = [one for _, one in group]
    return Batch(
        tuple(numbers),
        np.repeat(np.array(owners, dtype=np.int64), sizes),
        np.repeat(np.array([exchange.query.at for exchange, _ in group]), sizes),
        np.repeat(np.arange(len(group)), sizes),
        inputs=None if first.inputs is None else np.concatenate([one.inputs for one in told if one.inputs is not None]),
        texts=None if first.chats is None else tuple(text for one in told if one.chats for text in one.chats.texts),
        systems=None if first.chats is None else tuple(text for one in told if one.chats for text in one.chats.systems),
        turns=None if first.chats is None else np.concatenate([one.chats.turns for one in told if one.chats]),
        scores=None if first.scores is None else np.concatenate([one.scores for one in told if one.scores is not None]),
        labels=None if first.labels is None else np.concatenate([one.labels for one in told if one.labels is not None]),
        stages=None if first.stages is None else np.concatenate([one.stages for one in told if one.stages is not None]),
        tokens=np.repeat(np.array([exchange.answer.tokens or -1 for exchange, _ in group], dtype=np.int64), sizes),
        room=np.repeat(np.array([_room(one.remaining, one.limit) if one else np.nan for one in quotas]), sizes),
        columns=columns,
    )


def _room(remaining: float, limit: float) -> float:
    return max(0.0, min(1.0, remaining / limit)) if limit > 0 else float("nan")
