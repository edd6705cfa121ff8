"""Least output: every caller gets what the contract promises, and nothing beyond it, from the first query."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.outputs import embeddings, numbers, probabilities
from moatkeeper.outputs.kinds import BoolArray, kind_of, row_kinds, upper_bound
from moatkeeper.outputs.small import MOST_COLUMNS, round_small


class LeastOutput:
    """Rounds, cuts and drops by the contract alone: no chance, no memory, no row that depends on another.

    Scores in [0, 1] lose decimals, other numbers significant digits, embeddings dimensions and bits; undeclared outputs
    are dropped; labels pass. NaN and infinities stay what they are; a row with NaN has no order, so under ``top_k`` and
    ``label_only`` all of it reads NaN.
    """

    name = "least"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        """The answer as it may go out; the true one is left as it was."""
        declared = contract.outputs
        if declared is None and len(answer.outputs) == 1:
            return Answer((_release_output(answer.outputs[0], contract),), answer.tokens)
        kept = [output for output in answer.outputs if declared is None or output.name in declared]
        released = [_release_output(output, contract) for output in kept]
        if len(kept) > 1:
            _release_named_classes(kept, released, contract)
        return Answer(tuple(released), answer.tokens)


def _release_named_classes(kept: list[Output], released: list[Output], contract: Contract) -> None:
    """Puts right, in ``released``, the rows whose lone numbers are together the probabilities of named classes.

    Records such as {"cat": 0.502, "dog": 0.498} come as one output a class; rounded one by one, close classes would tie.
    One number more beside them, such as a confidence, does not hide the classes. Where the numbers are no probabilities
    but all of one kind (scores, or margins), the first of the largest stays the largest.
    """
    columns = [number for number, output in enumerate(kept) if _is_lone_number(output, contract)]
    values = [column for number in columns if (column := kept[number].values) is not None]
    if len(values) < 2 or len({len(rows) for rows in values}) > 1:
        return
    together = np.concatenate(values, axis=1)
    mended = np.concatenate([rows for number in columns if (rows := released[number].values) is not None], axis=1)
    everyone = list(range(len(columns)))
    groups = [everyone, *([each for each in everyone if each != out] for out in everyone if 2 < len(everyone) <= MOST_COLUMNS)]
    open_rows = np.ones(len(together), dtype=np.bool_)
    for group in groups:
        part = together[:, group]
        found = row_kinds(part, contract).probabilities & open_rows
        if found.any():
            mended[np.ix_(np.flatnonzero(found), np.array(group))] = _release_probabilities(part[found], contract)
            open_rows &= ~found
    _keep_first_top(together, mended, open_rows, contract)
    for place, number in enumerate(columns):
        released[number] = Output(kept[number].name, kept[number].kind, mended[:, [place]])


def _keep_first_top(together: FloatArray, mended: FloatArray, rows: BoolArray, contract: Contract) -> None:
    """Releases together, in ``mended``, the rows of like numbers whose first largest is no longer the first largest."""
    kinds = row_kinds(together, contract)
    high = together > upper_bound(contract)
    low = together < 0
    alike = kinds.scores | (high | low).all(axis=1)
    lost = rows & alike & (together.argmax(axis=1) != mended.argmax(axis=1))
    if lost.any():
        mended[lost] = release_rows(together[lost], OutputKind.NUMBERS, contract)


def _is_lone_number(output: Output, contract: Contract) -> bool:
    rows = output.values
    may_be_score = kind_of(output, contract) in (OutputKind.NUMBERS, OutputKind.SCORES)
    return may_be_score and rows is not None and rows.shape[1] == 1 and len(rows) > 0


def _release_output(output: Output, contract: Contract) -> Output:
    kind = kind_of(output, contract)
    numbers = output.numbers
    if numbers is None or kind is OutputKind.LABELS:
        return output
    if kind is not OutputKind.EMBEDDINGS and len(numbers):
        row = numbers if type(numbers) is list else _lone_row(numbers)
        if 0 < len(row) <= MOST_COLUMNS:
            released = round_small(row, kind, contract)
            if released is not None:
                return Output(output.name, output.kind, released)
    rows = output.values
    if rows is None or rows.size == 0:
        return output
    if kind is OutputKind.EMBEDDINGS:
        return Output(output.name, output.kind, _release_embeddings(rows, contract))
    return Output(output.name, output.kind, release_rows(rows, kind, contract))


def _lone_row(numbers: FloatArray | list[float]) -> list[float]:
    """The only row of an array as a list; empty where it has several, or one too long to be worked on by itself."""
    if isinstance(numbers, list):
        return numbers
    rows, columns = numbers.shape
    return numbers[0].tolist() if rows == 1 and columns <= MOST_COLUMNS else []


def _release_embeddings(rows: FloatArray, contract: Contract) -> FloatArray:
    if contract.embedding_dimensions is None and contract.embedding_bits is None:
        return rows
    finite = np.isfinite(rows).all(axis=1, keepdims=True)
    released = np.where(finite, rows, 0.0)
    if contract.embedding_dimensions is not None:
        released = embeddings.shorten(released, contract.embedding_dimensions)
    if contract.embedding_bits is not None:
        released = embeddings.quantise(released, contract.embedding_bits)
    return np.where(finite, released, np.nan)


def release_rows(rows: FloatArray, kind: OutputKind, contract: Contract) -> FloatArray:
    """Rows of scores or numbers, shape (n, m) with n and m at least 1, as the contract allows them."""
    if kind is OutputKind.VALUES:
        return _release_numbers(rows, contract)
    kinds = row_kinds(rows, contract)
    released = np.empty(rows.shape)
    if kinds.probabilities.any():
        released[kinds.probabilities] = _release_probabilities(rows[kinds.probabilities], contract)
    if kinds.scores.any():
        released[kinds.scores] = _release_scores(rows[kinds.scores], contract)
    if kinds.numbers.any():
        released[kinds.numbers] = _release_numbers(rows[kinds.numbers], contract)
    return released


def _release_probabilities(rows: FloatArray, contract: Contract) -> FloatArray:
    if contract.label_only:
        return probabilities.one_hot(rows)
    released = rows
    if contract.decimals is not None:
        released = probabilities.round_probabilities(rows, min(contract.decimals, probabilities.MOST_DECIMALS))
    if contract.top_k is not None:
        released = probabilities.keep_best(rows, released, contract.top_k)
    return released


def _release_scores(rows: FloatArray, contract: Contract) -> FloatArray:
    if contract.label_only:
        return probabilities.round_scores(rows, 0, contract.threshold)
    released = rows
    if contract.decimals is not None:
        decimals = min(contract.decimals, probabilities.MOST_DECIMALS)
        released = probabilities.round_scores(rows, decimals, contract.threshold)
    if contract.top_k is not None:
        released = probabilities.keep_best(rows, released, contract.top_k)
    return released


def _release_numbers(rows: FloatArray, contract: Contract) -> FloatArray:
    several = rows.shape[1] > 1
    if contract.label_only:
        released = probabilities.one_hot(rows) if several else numbers.signs(rows)
    else:
        released = rows
        if contract.significant_digits is not None:
            released = numbers.round_numbers(rows, contract.significant_digits)
        if contract.top_k is not None:
            released = numbers.keep_best(rows, released, contract.top_k)
    if contract.label_only or contract.top_k is not None:
        released = np.where(np.isnan(rows).any(axis=1, keepdims=True), np.nan, released)
    return released
