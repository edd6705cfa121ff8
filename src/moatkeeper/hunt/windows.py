"""Windows of time on disk: each part of the accounts leaves its piece of every window, and the ring tests put them together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from moatkeeper.patterns.window import Window


class WindowKey(NamedTuple):
    """Which calibration a window is compared with, and its number, counted from the first exchange."""

    calibration: int
    number: int


def folder_of(folder: Path, key: WindowKey) -> Path:
    """Where the pieces of a window are."""
    return folder / f"{key.calibration}-{key.number}"


def keep(folder: Path, key: WindowKey, name: str, window: Window) -> None:
    """Writes one part's piece of a window."""
    place = folder_of(folder, key)
    place.mkdir(parents=True, exist_ok=True)
    names = np.frombuffer("\0".join(window.names).encode("utf-8", "surrogatepass"), dtype=np.uint8)
    np.savez(
        place / f"{name}.npz",
        names=names,
        rows=window.rows,
        readings=window.readings,
        owners=window.owners,
        buckets=window.buckets,
    )


def whole(folder: Path, key: WindowKey) -> Window:
    """The window of all parts, in the order of their names."""
    names: list[str] = []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("rows", "readings", "owners", "buckets")}
    for file in sorted(folder_of(folder, key).glob("*.npz")):
        with np.load(file, allow_pickle=False) as stored:
            parts["owners"].append(stored["owners"] + len(names))
            for name in ("rows", "readings", "buckets"):
                parts[name].append(stored[name])
            names += stored["names"].tobytes().decode("utf-8", "surrogatepass").split("\0")
    found = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    return Window(tuple(names), found["rows"], found["readings"], found["owners"], found["buckets"])
