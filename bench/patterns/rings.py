"""Rings of accounts: the figures of bench.rings, one data set and seed at a time."""

from __future__ import annotations

from dataclasses import asdict

from bench import rings as windows
from bench.rings_world import KINDS

KINDS_QUICK = 2


def cases(*, quick: bool) -> tuple[tuple[str, ...], ...]:
    """Data sets; none where there is no time for half a year of history."""
    return () if quick else (("credit",), ("adult",), ("letter",))


def measure(name: str, *, seed: int, quick: bool) -> dict[str, object]:
    """A table: each window, and what was said of it."""
    kinds = KINDS[:KINDS_QUICK] if quick else KINDS
    cells = [asdict(cell) for cell in windows.measured(name, seed, kinds, windows.SIZES)]
    columns = ["kind", "accounts", "each", "noticed", "z", "named_recall", "named_honest", "silent_recall", "silent_honest"]
    rows = [[_told(cell[column]) for column in columns] for cell in cells]
    role = "tuning" if name == "credit" else "claims"
    return {"data": name, "role": role, "seed": seed, "tables": [{"columns": columns, "rows": rows}], "cells": cells}


def _told(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
