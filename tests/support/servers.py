"""Real servers for tests: any ASGI application in a thread, and `moatkeeper serve` as its own process."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from moatkeeper.serve.asgi import Application

START_TIMEOUT_S = 30.0


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(app: Application) -> Iterator[str]:
    """The base URL of an ASGI application served by uvicorn in a thread of this process."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        _wait_until(lambda: server.started, "the application did not start")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)


@dataclass(frozen=True)
class RunningGateway:
    """A gateway process and where it answers."""

    url: str
    admin: str
    data: Path
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> int:
        """Asks the process to stop and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_TIMEOUT_S)

    def kill(self) -> None:
        """Ends the process as a crash would."""
        self.process.kill()
        self.process.wait(START_TIMEOUT_S)


@contextlib.contextmanager
def gateway(upstream: str, folder: Path, *, config: str = "", data: Path | None = None) -> Iterator[RunningGateway]:
    """`moatkeeper serve` in front of ``upstream``, ready, with the TOML text ``config``."""
    port, admin_port = free_port(), free_port()
    kept = data or folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"gateway-{port}.log"
    command = [sys.executable, "-m", "moatkeeper", "serve", "--upstream", upstream, "--data", str(kept)]
    command += ["--port", str(port), "--admin-port", str(admin_port)]
    if config:
        file = folder / "moatkeeper.toml"
        file.write_text(config)
        command += ["--config", str(file)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    running = RunningGateway(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}", kept, process, log)
    try:
        _wait_until(lambda: _ready(running), f"the gateway did not start: {log}")
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(START_TIMEOUT_S)


def _ready(running: RunningGateway) -> bool:
    if running.process.poll() is not None:
        raise AssertionError(f"the gateway ended at its start:\n{running.log.read_text()}")
    try:
        return httpx.get(running.admin + "/readyz", timeout=1.0).status_code == 200
    except httpx.TransportError:
        return False


def _wait_until(condition: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(message)
