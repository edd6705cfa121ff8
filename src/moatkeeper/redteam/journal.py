"""The journal of a theft: every answer that was bought, on disk before the attack sees it, so that no answer is paid twice.

One JSON line a batch after a header line, each led by a checksum that covers the line and the checksum before it. A last
line that was torn by a kill is cut off; damage anywhere else is an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Self, cast

import numpy as np

from moatkeeper.errors import StoreError, UsageError
from moatkeeper.redteam.base import NextToken
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.meter import Purchase, Purchases

FORMAT = "moatkeeper-attack-journal-1"
CHECKSUM_BYTES = 8
MOST_LINE_BYTES = 2**30
"""A longer line is none of ours; reading one would only fill the memory."""
MOST_BYTES = 64 * 2**30
"""A journal is not written beyond this: a theft of that size is watched, not left alone until the disk is full."""
_START = b"\0" * CHECKSUM_BYTES


@dataclass(frozen=True, slots=True)
class Heading:
    """What a journal belongs to. A run may resume it whose heading is the same but for the budget.

    ``target`` is a digest of what is attacked and how it is restrained, ``knowledge`` of what the thief brings along.
    """

    attack: str
    seed: int
    target: str
    knowledge: str
    budget: int = 0


class Journal:
    """An open journal: purchases by seed, and where further ones are written."""

    def __init__(self, path: Path, file: BinaryIO, checksum: bytes, bought: Mapping[int, Purchases]) -> None:
        self._path = path
        self._file = file
        self._checksum = checksum
        self._bought = dict(bought)

    @classmethod
    def begin(cls, path: Path, heading: Heading) -> Self:
        """A new journal; raises UsageError where the file exists: nothing bought is ever overwritten."""
        try:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
        except OSError as error:
            hint = "Go on with it by --resume, or name another." if path.exists() else "Name a file in a folder that exists."
            raise UsageError(f"{path}: {error.strerror}", hint=hint) from error
        journal = cls(path, file, _START, {})
        journal._write({"format": FORMAT, **asdict(heading)})
        return journal

    @classmethod
    def resume(cls, path: Path, heading: Heading) -> Self:
        """A journal that is gone on with; raises UsageError where it belongs to another attack, seed, target or pool."""
        try:
            file = path.open("r+b")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", hint="Name the journal of the interrupted run.") from error
        try:
            return cls._read(path, file, heading)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _read(cls, path: Path, file: BinaryIO, heading: Heading) -> Self:
        checksum, end, bought = _START, 0, dict[int, Purchases]()
        while line := file.readline(MOST_LINE_BYTES):
            read = _checked(line, checksum)
            if read is None:
                # A write that was cut short has no end of line; a whole line that is wrong was damaged.
                if end == 0 or line.endswith(b"\n"):
                    raise StoreError(f"{path}: the journal is damaged after byte {end}", hint="Restore it from a backup.")
                break
            if end == 0:
                _require_same(path, read, heading)
            else:
                _take(path, read, bought)
            checksum = _sum(checksum, line[2 * CHECKSUM_BYTES + 1 :])
            end = file.tell()
        if end == 0:
            raise StoreError(f"{path}: found no journal of an attack", hint="Name the journal of the interrupted run.")
        file.seek(end)
        file.truncate()
        return cls(path, file, checksum, bought)

    def purchases(self, seed: int, told: Callable[[int], None] = lambda count: None) -> Purchases:
        """What was bought with one seed; more is written as it is bought, and ``told`` how much."""
        purchases = self._bought.setdefault(seed, Purchases())

        def keep(batch: Sequence[Purchase]) -> None:
            self._write({"seed": seed, **_written(batch)})
            told(len(batch))

        purchases.keep = keep
        return purchases

    def close(self) -> None:
        """Closes the file; what was bought is there already."""
        self._file.close()

    def _write(self, record: Mapping[str, object]) -> None:
        body = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        checksum = _sum(self._checksum, body)
        if self._file.tell() + len(body) > MOST_BYTES:
            raise StoreError(f"{self._path}: the journal would grow beyond {MOST_BYTES} bytes", hint="Lower --budget.")
        try:
            self._file.write(checksum.hex().encode() + b" " + body)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}", hint="Free some space; then go on by --resume.") from error
        self._checksum = checksum


def last_spent(purchases: Purchases) -> Expenses:
    """What a run had spent with its last purchase."""
    return max((purchase.spent for purchase in purchases.bought.values()), key=lambda one: one.requests, default=Expenses())


def _sum(before: bytes, body: bytes) -> bytes:
    return blake2b(before + body, digest_size=CHECKSUM_BYTES, person=b"mk.journal").digest()


def _checked(line: bytes, before: bytes) -> Mapping[str, object] | None:
    """The record of a whole and undamaged line; None for any other."""
    head, _, body = line.partition(b" ")
    if not body.endswith(b"\n") or head != _sum(before, body).hex().encode():
        return None
    return cast(Mapping[str, object], json.loads(body))


def _require_same(path: Path, read: Mapping[str, object], heading: Heading) -> None:
    if read.get("format") != FORMAT:
        raise UsageError(f"{path}: found format {read.get('format')!r}, expected {FORMAT!r}")
    wanted = asdict(heading)
    for name in ("attack", "seed", "target", "knowledge"):
        if read.get(name) != wanted[name]:
            raise UsageError(
                f"{path}: the journal is of another {name}: found {read.get(name)!r}, expected {wanted[name]!r}",
                hint="Resume with the words of the interrupted run; only --budget, --rungs and --seeds may differ.",
            )


def _written(batch: Sequence[Purchase]) -> dict[str, object]:
    keys = [purchase.receipt[0] for purchase in batch]
    return {
        "keys": _packed(b"".join(keys)),
        "lengths": [len(key) for key in keys],
        "times": [purchase.receipt[1] for purchase in batch],
        "answers": _answers([purchase.answer for purchase in batch]),
        "spent": asdict(batch[-1].spent) if batch else {},
    }


def _answers(found: Sequence[object]) -> object:
    if found and all(isinstance(answer, np.ndarray) for answer in found):
        stacked = np.asarray(found, dtype="<f8")
        return {"numbers": _packed(stacked.tobytes()), "columns": stacked.shape[1]}
    if all(isinstance(answer, NextToken) for answer in found):
        tokens = [answer for answer in found if isinstance(answer, NextToken)]
        return {"tokens": [[one.token, list(one.log_probabilities.items())] for one in tokens]}
    return {"texts": list(found)}


def _take(path: Path, record: Mapping[str, object], bought: dict[int, Purchases]) -> None:
    """Adds one line's purchases; raises StoreError where a line with a right checksum is not one that this code writes."""
    try:
        raw, spent = _unpacked(record["keys"]), Expenses(**cast(dict[str, int], record["spent"]))
        ends = np.cumsum(cast(list[int], record["lengths"])).tolist()
        keys = [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        answers = _read_answers(cast(Mapping[str, object], record["answers"]))
        receipts = zip(keys, cast(list[int], record["times"]), strict=True)
        batch = [Purchase(receipt, answer, spent) for receipt, answer in zip(receipts, answers, strict=True)]
        bought.setdefault(cast(int, record["seed"]), Purchases()).add(batch)
    except (KeyError, TypeError, ValueError, zlib.error, binascii.Error) as error:
        raise StoreError(
            f"{path}: found a line that is no purchase: {error}", hint="Is it a journal of this version?"
        ) from error


def _read_answers(record: Mapping[str, object]) -> list[object]:
    if "numbers" in record:
        numbers = np.frombuffer(_unpacked(record["numbers"]), dtype="<f8").astype(np.float64)
        return list(numbers.reshape(-1, cast(int, record["columns"])))
    if "tokens" in record:
        found = cast(list[tuple[int, list[tuple[int, float]]]], record["tokens"])
        return [NextToken(token, dict(map(tuple, pairs))) for token, pairs in found]  # type: ignore[arg-type]
    return list(cast(list[object], record["texts"]))


def _packed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


def _unpacked(text: object) -> bytes:
    return zlib.decompress(base64.b64decode(cast(str, text), validate=True))
