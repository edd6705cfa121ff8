"""Server processes of the demo: started on free loopback ports, waited for, and stopped whatever happens."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from urllib.parse import urlsplit

from moatkeeper.errors import MoatkeeperError

START_TIMEOUT_S = 60.0  # training on a loaded machine included
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is started, and the address that answers 200 once it is ready."""

    name: str
    words: Sequence[str]
    ready_url: str


class Server:
    """One running server, as a context: left, it is stopped. Its output goes to ``log``."""

    def __init__(self, command: Command, log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        try:
            with _interrupts_deferred():
                self._process = self._start()
            self._wait(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _start(self) -> subprocess.Popen[bytes]:
        # Its own session: Ctrl-C reaches the demo alone, which then stops the gateway before the model server.
        with self._log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - the words are the demo's own
                list(self._command.words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_one_thread(os.environ),
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(self._command.ready_url):
            if process.poll() is not None:
                raise MoatkeeperError(
                    f"the {self._command.name} ended with exit code {process.returncode} before it was ready:\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise MoatkeeperError(f"the {self._command.name} was not ready after {START_TIMEOUT_S:.0f} s:\n{self._tail()}")
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raises MoatkeeperError if the server has ended on its own."""
        if self._process is not None and self._process.poll() is not None:
            raise MoatkeeperError(f"the {self._command.name} ended with exit code {self._process.returncode}:\n{self._tail()}")

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(lines)

    def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also where an impatient user interrupts the waiting
            process.kill()
            process.wait()


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop_on_sigterm() -> None:
    """Makes SIGTERM unwind the stack as Ctrl-C does, so that no server outlives the demo."""
    signal.signal(signal.SIGTERM, _interrupt)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Holds SIGINT and SIGTERM back: an interrupt between a server's start and the note of it would leave it behind."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(signal.Signals(caught[0]))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _one_thread(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with numerical libraries held to one thread: on two cores, servers and thief share better so."""
    return {**environment, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1.0)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
