"""The demo's stage: a model server process, a gateway process before it, and the accounts that play their parts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from moatkeeper.demo.processes import Command, Server, free_port
from moatkeeper.demo.victim import TREES
from moatkeeper.store.keys import Keys

CONFIGURATION = "demo.toml"
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """The addresses of the running servers, and where the gateway keeps its data."""

    bare_url: str
    gateway_url: str
    admin_url: str
    data: Path
    servers: tuple[Server, ...]

    def open_accounts(self, names: Sequence[str], tier: str) -> tuple[str, ...]:
        """A new API key for each name; the names get an ending that no earlier run on the same data used."""
        run = f"{time.time_ns():x}"
        with Keys.open(self.data) as keys:
            return tuple(keys.add(f"{name}-{run}", tier=tier, label="demo").plaintext for name in names)

    def watch(self) -> None:
        """Returns never, and raises MoatkeeperError when a server ends on its own."""
        while True:
            for server in self.servers:
                server.check()
            time.sleep(POLL_S)


@contextmanager
def staged(out: Path, seed: int) -> Iterator[Stage]:
    """Both servers, ready, with their logs, configuration and data under ``out``; stopped on the way out."""
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    configuration = out / CONFIGURATION
    configuration.write_text(files("moatkeeper.demo").joinpath(CONFIGURATION).read_text())
    with ExitStack() as stack:
        model, bare_url = _model_server(seed)
        servers = [stack.enter_context(Server(model, out / "model-server.log"))]
        gateway, gateway_url, admin_url = _gateway(bare_url, data, configuration)
        servers.append(stack.enter_context(Server(gateway, out / "gateway.log")))
        yield Stage(bare_url, gateway_url, admin_url, data, tuple(servers))


def _model_server(seed: int) -> tuple[Command, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "moatkeeper.demo.model_server", "--port", str(port), "--seed", str(seed)]
    return Command("model server", words, f"{url}/v1/models/{TREES}"), url


def _gateway(upstream: str, data: Path, configuration: Path) -> tuple[Command, str, str]:
    port, admin_port = free_port(), free_port()
    options = {
        "--upstream": upstream,
        "--port": str(port),
        "--admin-port": str(admin_port),
        "--data": str(data),
        "--config": str(configuration),
    }
    words = [sys.executable, "-m", "moatkeeper", "serve", *(word for pair in options.items() for word in pair)]
    admin_url = f"http://127.0.0.1:{admin_port}"
    return Command("gateway", words, f"{admin_url}/readyz"), f"http://127.0.0.1:{port}", admin_url
