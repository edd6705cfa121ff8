"""Cases in the database: as many in memory as fit, the others on the disk; what has changed is written now and then."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import orjson

from moatkeeper.errors import StoreError
from moatkeeper.patterns.cases import Case, Looked
from moatkeeper.sketch.base import State
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction

log = logging.getLogger("moatkeeper.cases")

MOST_CASES = 20_000
"""Accounts in memory: at 8 KB each, 160 MB."""
WRITTEN_AT_ONCE = 64
"""Cases a write, the oldest change first: 10 to 15 ms. Larger: less is lost by a kill under load, and replies wait longer."""

_READ = "SELECT model, calibration, asked, evidence, spent, passed, content FROM cases WHERE account = ?"
_WRITE = (
    "INSERT INTO cases (account, model, calibration, asked, evidence, spent, passed, looks, content) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, model) DO UPDATE SET calibration = excluded.calibration, "
    "asked = excluded.asked, evidence = excluded.evidence, spent = excluded.spent, passed = excluded.passed, "
    "looks = excluded.looks, content = excluded.content"
)
_LENGTH_BYTES = 4


class StoredCases:
    """Cases by account and model. At most ``most`` accounts are in memory; those that were used longest ago go first.

    A kill loses what was not yet written: at most the changes since the last ``write``, and under more load than that writes,
    somewhat more.
    """

    def __init__(self, data: Path, most: int = MOST_CASES, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._most = most
        self._held: OrderedDict[str, dict[str, Case]] = OrderedDict()
        self._changed: OrderedDict[tuple[str, str], None] = OrderedDict()

    @classmethod
    def open(cls, data: Path, most: int = MOST_CASES, *, create: bool = True) -> Self:
        """The cases of ``data``; raises StoreError."""
        return cls(data, most, create=create)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Cases that have changed since they were written."""
        return len(self._changed)

    def case(self, model: str, account: str) -> Case | None:
        """The case; None where the account has not been seen at this model."""
        return self._of(account).get(model)

    def keep(self, model: str, account: str, case: Case) -> None:
        """Takes a case in, in place of an older one of the same account."""
        self._of(account)[model] = case
        self._changed[account, model] = None
        while len(self._held) > self._most:
            self._let_go()

    def evidence(self, account: str) -> dict[str, float]:
        """The evidence against an account by model."""
        return {model: case.evidence for model, case in self._of(account).items()}

    def models(self, account: str) -> dict[str, Case]:
        """All cases of an account by model."""
        return dict(self._of(account))

    def sooner(self, account: str) -> None:
        """Lets what has changed of an account be written next."""
        for model in self._held.get(account, ()):
            if (account, model) in self._changed:
                self._changed.move_to_end((account, model), last=False)

    def write(self, most: int = WRITTEN_AT_ONCE) -> int:
        """Writes the ``most`` oldest changes, all or none; how many it was. Raises StoreError, and then nothing is lost."""
        due = [key for key, _ in zip(self._changed, range(most), strict=False)]
        if not due:
            return 0
        with storing(self._path), transaction(self._connection):
            self._connection.executemany(_WRITE, list(self._rows(due)))
        for key in due:
            del self._changed[key]
        return len(due)

    def close(self) -> None:
        """Writes everything that has changed and ends the connection."""
        while self.write(WRITTEN_AT_ONCE):
            pass
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _of(self, account: str) -> dict[str, Case]:
        held = self._held.get(account)
        if held is not None:
            self._held.move_to_end(account)
            return held
        with storing(self._path):
            rows = self._connection.execute(_READ, (account,)).fetchall()
        held = self._held[account] = {row[0]: _case(self._path, account, *row) for row in rows}
        return held

    def _let_go(self) -> None:
        """Makes room for one account; what has changed of it and of others is written first."""
        account = next(iter(self._held))
        while any((account, model) in self._changed for model in self._held[account]):
            self.write(WRITTEN_AT_ONCE)
        del self._held[account]

    def _rows(self, due: Iterable[tuple[str, str]]) -> Iterator[tuple[object, ...]]:
        for account, model in due:
            case = self._held[account][model]
            head = (account, model, case.calibration, case.rows, case.evidence, case.spent, case.passed, len(case.looks))
            yield (*head, packed(case))


def packed(case: Case) -> bytes:
    """The sketches and looks of a case: a JSON head with its length before it, then the arrays as they lie in memory."""
    arrays = {name: np.ascontiguousarray(state) for name, state in case.states.items()}
    head = orjson.dumps(
        {
            "states": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
            "looks": [[look.rows, look.at, look.p_value, look.evidence, look.readings] for look in case.looks],
        }
    )
    return b"".join([len(head).to_bytes(_LENGTH_BYTES, "big"), head, *(array.tobytes() for array in arrays.values())])


def _case(
    path: Path,
    account: str,
    model: str,
    calibration: str,
    rows: int,
    evidence: float,
    spent: float,
    passed: int,
    content: bytes,
) -> Case:
    try:
        states, looks = unpacked(content)
    except StoreError as error:
        # The evidence stays, in columns of its own; the sketches begin anew, as after a new calibration.
        log.error("a case is damaged and begins anew", extra={"detail": f"{path}: {account}: {error.message}"})
        return Case("", {}, 0, evidence, spent, passed)
    return Case(calibration, states, rows, evidence, spent, passed, looks)


def unpacked(content: bytes) -> tuple[dict[str, State], tuple[Looked, ...]]:
    """What ``packed`` wrote; raises StoreError for anything else."""
    try:
        begin = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "big")
        head = orjson.loads(content[_LENGTH_BYTES:begin])
        states: dict[str, State] = {}
        for name, kind, shape in head["states"]:
            dtype, count = np.dtype(str(kind)), math.prod(shape)
            if dtype.hasobject:
                raise ValueError("an array of objects")
            states[name] = np.frombuffer(content, dtype, count, begin).reshape(shape).copy()
            begin += count * dtype.itemsize
        looks = tuple(
            Looked(rows, at, p_value, evidence, tuple(_number(one) for one in readings))
            for rows, at, p_value, evidence, readings in head["looks"]
        )
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise StoreError(f"found a case that makes no sense ({error}), expected what was written") from error
    return states, looks


def _number(reading: float | None) -> float:
    """A reading; JSON has no NaN, so that one that says nothing is written as null."""
    return math.nan if reading is None else float(reading)
