"""Exchanges as columns: many requests to one model, a row of the arrays for each input row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

IntArray = npt.NDArray[np.int64]
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """n input rows with the model's true answers, in the order in which they arrived.

    A column that a log does not have is None; a single value that is missing is NaN (numbers), an empty text, or -1 (counts).
    Categories in ``inputs`` are numbers already: ``category_number`` of their text.
    """

    names: Words  # the accounts that ``accounts`` counts
    accounts: IntArray  # (n,): index into names
    at: FloatArray  # (n,): UTC seconds
    requests: IntArray  # (n,): the rows of one request share a number
    inputs: FloatArray | None = None  # (n, d)
    texts: Words | None = None  # n texts: what the caller wrote, of a chat the last message of the user
    systems: Words | None = None  # n texts: the system prompt or the earlier turns, where the log has them
    scores: FloatArray | None = None  # (n, k): the model's own answer, before anything was taken from it
    labels: IntArray | None = None  # (n,): classes, where the model says no scores; ``category_number`` of other labels
    stages: IntArray | None = None  # (n, s): the classes that s earlier stages of the model say, last stage last
    turns: IntArray | None = None  # (n,): the user's messages in the conversation so far, this one included
    tokens: IntArray | None = None  # (n,): generated
    room: FloatArray | None = None  # (n,): share in [0, 1] of the tightest limit that was left after the request
    model_age: FloatArray | None = None  # (n,): seconds since the model was released
    columns: Words = field(default=())  # names of the d inputs, where they have names

    def __len__(self) -> int:
        return len(self.accounts)

    def take(self, rows: IntArray | npt.NDArray[np.bool_]) -> Batch:
        """Only these rows, in the order given; the names stay as they are."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        changed: dict[str, object] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, np.ndarray):
                changed[part.name] = value[chosen]
            elif part.name in {"texts", "systems"} and value is not None:
                changed[part.name] = tuple(value[row] for row in chosen.tolist())
        return replace(self, **changed)  # type: ignore[arg-type]

    def of_accounts(self, kept: npt.NDArray[np.bool_]) -> Batch:
        """Only the rows of the accounts for which ``kept`` (one a name) is true, numbered anew."""
        numbers = np.cumsum(kept) - 1
        part = self.take(kept[self.accounts])
        names = tuple(name for name, keep in zip(self.names, kept.tolist(), strict=True) if keep)
        return replace(part, names=names, accounts=numbers[part.accounts])


def joined(parts: Sequence[Batch]) -> Batch:
    """Batches of different accounts as one; ``ValueError`` where there is none, or where they do not have the same columns."""
    if not parts:
        raise ValueError("found no batches, expected at least one")
    first = parts[0]
    changed: dict[str, object] = {"names": tuple(name for part in parts for name in part.names)}
    for part in fields(first):
        values = [getattr(one, part.name) for one in parts]
        if part.name in {"names", "columns"} or values[0] is None:
            continue
        if any(value is None for value in values):
            raise ValueError(f"found batches with and without {part.name}, expected the same columns in all")
        if isinstance(values[0], tuple):
            changed[part.name] = tuple(text for value in values for text in value)
            continue
        if part.name in {"accounts", "requests"}:
            sizes = [len(one.names) if part.name == "accounts" else int(one.requests.max(initial=-1)) + 1 for one in parts]
            values = [
                value + ahead for value, ahead in zip(values, np.r_[0, np.cumsum(sizes[:-1], dtype=np.int64)], strict=True)
            ]
        changed[part.name] = np.concatenate(values)
    return replace(first, **changed)  # type: ignore[arg-type]


def rank_in_account(accounts: IntArray) -> IntArray:
    """For each row the number of earlier rows of the same account, shape (n,)."""
    order = np.argsort(accounts, kind="stable")
    ordered = accounts[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(ordered)])
    ranks = np.empty(len(ordered), dtype=np.int64)
    ranks[order] = np.arange(len(ordered)) - np.repeat(starts, lengths)
    return ranks
