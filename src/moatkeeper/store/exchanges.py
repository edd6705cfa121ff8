"""The exchange log: what was asked and what the model said, a JSON object a line, in files that come and go within a bound."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from moatkeeper.core.exchange import Exchange
from moatkeeper.store.logs.own import encode
from moatkeeper.store.sqlite import storing

FOLDER = "exchanges"
FILE_BYTES = 64 * 2**20
TOTAL_BYTES = 2**30
QUEUE_BYTES = 16 * 2**20
MOST_READ = 64 * 2**20
"""Bytes of the newest files that are searched for an account's exchanges. Larger: older examples, a longer wait."""

_NAME = re.compile(r"exchanges-(\d{8})-(\d{6})\.jsonl")


class ExchangeLog:
    """Takes exchanges in and writes them when ``write`` is called. Inputs lie there in plain text, for the owner only (0600).

    A new file is begun by every process, every day (UTC) and beyond ``file_bytes``, so that no file is appended to after a
    kill may have cut its last line. The oldest files go where all together exceed ``total_bytes``.
    """

    def __init__(
        self, data: Path, *, file_bytes: int = FILE_BYTES, total_bytes: int = TOTAL_BYTES, queue_bytes: int = QUEUE_BYTES
    ) -> None:
        self._folder = data / FOLDER
        self._file_bytes, self._total_bytes, self._queue_bytes = file_bytes, total_bytes, queue_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._file: Path | None = None
        self._day = ""
        self.lost = 0  # exchanges that found the queue full

    def note(self, exchange: Exchange) -> None:
        """Takes one exchange in; never waits. What does not fit into the queue is counted in ``lost``."""
        line = encode(exchange)
        if self._waiting_bytes + len(line) > self._queue_bytes:
            self.lost += 1
            return
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def write(self, at: float) -> int:
        """Writes what waits; how many exchanges. Raises StoreError where the disk fails, and keeps what was not written."""
        written = 0
        while self._waiting:
            with storing(self._folder):
                written += self._write_some(at)
        return written

    def _write_some(self, at: float) -> int:
        """Fills one file up."""
        day = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")
        if self._file is None or day != self._day or _size(self._file) >= self._file_bytes:
            self._begin(day)
        file = self._file
        if file is None:
            return 0
        size = _size(file)
        room, lines = self._file_bytes - size, []
        for line in self._waiting:
            lines.append(line)
            room -= len(line)
            if room <= 0:
                break
        try:
            with file.open("ab") as out:
                out.write(b"".join(lines))
        except OSError:
            os.truncate(file, size)  # a part of a line must not run into the next
            raise
        for line in lines:
            self._waiting.popleft()
            self._waiting_bytes -= len(line)
        return len(lines)

    def _begin(self, day: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = [int(match[2]) for match in map(_NAME.fullmatch, os.listdir(self._folder)) if match and match[1] == day]
        file = self._folder / f"exchanges-{day}-{max(taken, default=0) + 1:06d}.jsonl"
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._file, self._day = file, day
        left = self._total_bytes - self._file_bytes
        for older in reversed(files(self._folder)):
            if older != file:
                left -= _size(older)
                if left < 0:
                    older.unlink(missing_ok=True)


def files(folder: Path) -> list[Path]:
    """The log's files, oldest first."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else []


def exchanges_of(data: Path, account: str, most: int, read: int = MOST_READ) -> list[dict[str, object]]:
    """The last exchanges of an account, newest first, at most ``most``, from the newest ``read`` bytes; empty without a log."""
    found: list[dict[str, object]] = []
    with storing(data / FOLDER):
        for line in _backwards(files(data / FOLDER), read, orjson.dumps(account)):
            try:
                fields = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # cut by a kill
            if isinstance(fields, dict) and fields.get("account") == account:
                found.append(fields)
                if len(found) >= most:
                    break
    return found


def _backwards(logs: list[Path], read: int, containing: bytes) -> Iterator[bytes]:
    for file in reversed(logs):
        if read <= 0:
            return
        content = file.read_bytes()
        read -= len(content)
        yield from (line for line in reversed(content.splitlines()) if containing in line)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
