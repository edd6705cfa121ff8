"""Waiting for what another process will do: until it is so, and never for longer than a test may last."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 30.0


def eventually(condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Returns once the condition holds; fails with ``what`` where it does not come to hold."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} seconds: {what}"
        time.sleep(0.05)
