"""Snapshots: the old one or the new one, whole."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from moatkeeper.errors import StoreError
from moatkeeper.store.snapshots import Snapshot, load_snapshot, save_snapshot
from moatkeeper.store.sqlite import connect


def test_the_last_one_saved_is_loaded(data: Path) -> None:
    assert load_snapshot(data, "limits") is None
    save_snapshot(data, "limits", b"one", 1, at=1.0)
    save_snapshot(data, "other", b"", 0, at=2.0)
    save_snapshot(data, "limits", b"two", 2, at=3.0)
    assert load_snapshot(data, "limits") == Snapshot(b"two", 2, 3.0)
    assert load_snapshot(data, "other") == Snapshot(b"", 0, 2.0)


def test_a_damaged_one_is_refused(data: Path) -> None:
    save_snapshot(data, "limits", b"content", 1)
    with closing(connect(data)) as connection:
        connection.execute("UPDATE snapshots SET content = x'00'")
    with pytest.raises(StoreError, match="damaged"):
        load_snapshot(data, "limits")
