"""Snapshots: what memory held at one point of the ledger, so that a restart forgets no limit."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from moatkeeper.errors import StoreError
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A named content with the number of the last ledger record that it takes account of, made at ``at`` (UTC seconds)."""

    content: bytes
    seq: int
    at: float


def save_snapshot(data: Path, name: str, content: bytes, seq: int, *, at: float | None = None) -> None:
    """Replaces the snapshot of that name: after a crash it is the old one or the new one, whole. Raises StoreError."""
    moment = time.time() if at is None else at
    with storing(data / FILE_NAME), closing(connect(data)) as connection, transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO snapshots (name, seq, at, digest, content) VALUES (?, ?, ?, ?, ?)",
            (name, seq, moment, sha256(content).digest(), content),
        )


def load_snapshot(data: Path, name: str) -> Snapshot | None:
    """The snapshot of that name, or None; raises StoreError where its content is not what was saved."""
    with storing(data / FILE_NAME), closing(connect(data)) as connection:
        row = connection.execute("SELECT content, seq, at, digest FROM snapshots WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    content, seq, at, digest = row
    if sha256(content).digest() != digest:
        raise StoreError(
            f"{data / FILE_NAME}: the snapshot {name!r} was damaged",
            hint="Restore a backup, or start without it: limits then begin anew.",
        )
    return Snapshot(content, seq, at)
