"""What was gathered, read again: one part of the accounts of one model after another, as batches in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, rank_in_account
from moatkeeper.store.logs.engine import ROWS, SEEN, Columns, Engine
from moatkeeper.store.logs.sheet import NOTHING, TEXTS, Heap

MOST_ROWS = 16_384
"""Of one account, in the order of time, that are looked at: no checkpoint lies beyond (patterns/checkpoints.py)."""
_CELL_BYTES = 8
_KEYS = ("account", "at", "request", "place", "content")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows of whole accounts, in the order of account and time, and what was left out of them."""

    batch: Batch
    totals: npt.NDArray[np.int64]  # (accounts,): rows of each account in the log, also those beyond MOST_ROWS
    duplicates: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What accounts were seen with, sorted by account: a row for each combination; texts, empty where the log does not say."""

    accounts: tuple[str, ...]
    organisations: tuple[str, ...]
    keys: tuple[str, ...]
    addresses: tuple[str, ...]
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartJob:
    """One part of the accounts of one heap."""

    folder: Path
    heap: Heap
    part: int
    memory_mb: int

    @property
    def files(self) -> Path:
        """The spilled files of this part, as a pattern."""
        heap = self.heap
        return self.folder / ROWS / f"model={heap.folder}" / f"shape={heap.shape}" / f"part={self.part}" / "*.parquet"


def gathered(job: PartJob) -> Iterator[Gathered]:
    """The accounts of a part, some after the others; nothing where the part is empty."""
    if not job.files.parent.is_dir():
        return
    with Engine(job.folder / f"engine-{job.heap.folder}-{job.heap.shape}-{job.part}", job.memory_mb) as engine:
        held: Columns | None = None
        counts: dict[str, int] = {}
        duplicates = 0
        for piece, is_last in engine.sorted_rows(job.files):
            columns = piece if held is None else {name: np.concatenate([held[name], piece[name]]) for name in piece}
            columns, again = _once(columns)
            duplicates += again
            fresh = columns["account"][0 if held is None else len(held["account"]) :]
            columns, ranks = _first_rows(columns)
            names, sizes = np.unique(fresh.astype(str), return_counts=True)
            for name, size in zip(names.tolist(), sizes.tolist(), strict=True):
                counts[name] = counts.get(name, 0) + size
            # The last account of a slice may go on in the next one.
            end = len(ranks) if is_last else int(np.flatnonzero(ranks == 0)[-1])
            if end:
                yield _gathered({name: column[:end] for name, column in columns.items()}, job.heap, counts, duplicates)
                duplicates = 0
            held = {name: column[end:] for name, column in columns.items()}


def seen(folder: Path, part: int, memory_mb: int) -> Seen:
    """What the accounts of a part were seen with."""
    files = folder / SEEN / f"part={part}"
    if not files.is_dir():
        return Seen((), (), (), (), ())
    with Engine(folder / f"engine-seen-{part}", memory_mb) as engine:
        found = engine.seen_with(files / "*.parquet")
    names = ("account", "organisation", "key", "address", "agent")
    return Seen(*(tuple(found[name].tolist()) for name in names))


def _once(columns: Columns) -> tuple[Columns, int]:
    """Without rows that are the row before them once more; and how many those were."""
    same = np.ones(max(len(columns["account"]) - 1, 0), dtype=bool)
    for name in _KEYS:
        same &= columns[name][1:] == columns[name][:-1]
    again = int(same.sum())
    if not again:
        return columns, 0
    kept = np.r_[True, ~same]
    return {name: column[kept] for name, column in columns.items()}, again


def _first_rows(columns: Columns) -> tuple[Columns, npt.NDArray[np.int64]]:
    """The first rows of each account, and the rank of each in its account."""
    names = columns["account"]
    begins = np.r_[True, names[1:] != names[:-1]]
    ranks = rank_in_account(np.cumsum(begins))
    kept = ranks < MOST_ROWS
    if kept.all():
        return columns, ranks
    return {name: column[kept] for name, column in columns.items()}, ranks[kept]


def _gathered(columns: Columns, heap: Heap, counts: dict[str, int], duplicates: int) -> Gathered:
    accounts = columns["account"]
    begins = np.r_[True, accounts[1:] != accounts[:-1]]
    names = tuple(accounts[begins].tolist())
    texts = heap.shape == TEXTS
    batch = Batch(
        names=names,
        accounts=np.cumsum(begins) - 1,
        at=columns["at"],
        requests=_numbered(begins, columns),
        inputs=None if texts else _inputs(columns, heap),
        texts=_words(columns["text"]) if texts else None,
        systems=_systems(columns) if texts and "system" in heap.has else None,
        scores=_scores(columns, heap) if "scores" in heap.has else None,
        labels=_counts(columns, "label") if "label" in heap.has else None,
        stages=_stages(columns) if "stages" in heap.has else None,
        turns=_counts(columns, "turns") if "turns" in heap.has else None,
        tokens=_counts(columns, "tokens") if "tokens" in heap.has else None,
        room=_reals(columns, "room") if "room" in heap.has else None,
        model_age=columns["at"] - _reals(columns, "released") if "released" in heap.has else None,
        columns=heap.columns,
    )
    totals = np.array([counts.pop(name) for name in names], dtype=np.int64)
    return Gathered(batch, totals, duplicates)


def _inputs(columns: Columns, heap: Heap) -> FloatArray:
    """Shape (n, d); a log without contents has a single column of running numbers, so that tempo can still be looked at.

    Not of zeros: nobody knows that two calls asked the same, and who asks the same again and again is no thief by his tempo.
    """
    count = len(columns["account"])
    if heap.shape == NOTHING:
        return np.arange(count, dtype=np.float64)[:, None]
    if "inputs" in columns:
        return np.frombuffer(b"".join(columns["inputs"].tolist()), dtype=np.float64).reshape(count, -1)
    return _table(columns, "i", count)


def _scores(columns: Columns, heap: Heap) -> FloatArray:
    """Scores of the width that most answers of the model have, shape (n, k); NaN in rows with others or none."""
    usual = heap.answers.most_common(1)[0][0]
    count = len(columns["account"])
    if "width" not in columns:
        return np.full((count, usual), np.nan)
    good = columns["width"] == usual
    if "scores" in columns:
        scores = np.full((count, usual), np.nan)
        kept = [blob[: usual * _CELL_BYTES] for blob in columns["scores"][good].tolist()]
        scores[good] = np.frombuffer(b"".join(kept), dtype=np.float64).reshape(len(kept), usual)
        return scores
    scores = _table(columns, "s", count)[:, :usual]
    scores[~good] = np.nan
    return scores


def _stages(columns: Columns) -> npt.NDArray[np.int64]:
    """The classes that earlier stages said, shape (n, s); -1 where there are none."""
    count = len(columns["account"])
    table = _table(columns, "g", count)
    return np.where(np.isfinite(table), np.rint(np.nan_to_num(table)), -1).astype(np.int64)


def _table(columns: Columns, letter: str, count: int) -> FloatArray:
    """The columns ``letter``0, ``letter``1, ... side by side, shape (n, d)."""
    width = next(place for place in range(len(columns) + 1) if f"{letter}{place}" not in columns)
    table = np.empty((count, width))
    for place in range(width):
        table[:, place] = columns[f"{letter}{place}"]
    return table


def _numbered(begins: npt.NDArray[np.bool_], columns: Columns) -> npt.NDArray[np.int64]:
    """Requests numbered from 0 on: rows of one stand together."""
    request, at = columns["request"], columns["at"]
    fresh = begins.copy()
    fresh[1:] |= (request[1:] != request[:-1]) | (at[1:] != at[:-1])
    return np.cumsum(fresh) - 1


def _words(column: npt.NDArray[np.object_]) -> tuple[str, ...]:
    return tuple("" if text is None else text for text in column.tolist())


def _systems(columns: Columns) -> tuple[str, ...]:
    """A part of a model's rows may lack a column that others have."""
    return _words(columns["system"]) if "system" in columns else ("",) * len(columns["account"])


def _counts(columns: Columns, name: str) -> npt.NDArray[np.int64]:
    return columns[name].astype(np.int64) if name in columns else np.full(len(columns["account"]), -1, dtype=np.int64)


def _reals(columns: Columns, name: str) -> FloatArray:
    return columns[name].astype(np.float64) if name in columns else np.full(len(columns["account"]), np.nan)
