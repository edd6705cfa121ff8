"""Model servers as processes of their own: started, waited for, and always stopped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

STOP_TIMEOUT_S = 15.0


@contextlib.contextmanager
def server_process(
    command: Sequence[str], ready: str, log: Path, *, environment: Mapping[str, str] | None = None, within_s: float = 60.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers ``ready`` with 200 before this gives it out; ``environment`` adds to our own."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    try:
        _wait(process, ready, log, within_s)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def _wait(process: subprocess.Popen[bytes], ready: str, log: Path, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended at its start:\n{log.read_text()}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(ready, timeout=2.0).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the server was not ready within {within_s:.0f} seconds:\n{log.read_text()}")
