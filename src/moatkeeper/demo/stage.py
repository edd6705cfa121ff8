"""The demo's stage: a model server process, a gateway process before it, and the accounts that play their parts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
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
    """The addresses of the running servers, where the gateway keeps its data, and an API key for each account by name."""

    bare_url: str
    gateway_url: str
    admin_url: str
    data: Path
    keys: Mapping[str, str]
    servers: tuple[Server, ...]

    def watch(self) -> None:
        """Returns never, and raises MoatkeeperError when a server ends on its own."""
        while True:
            for server in self.servers:
                server.check()
            time.sleep(POLL_S)


@contextmanager
def staged(out: Path, seed: int, cast: Mapping[str, str]) -> Iterator[Stage]:
    """Both servers, ready, with their logs, configuration and data under ``out``; stopped on the way out.

    ``cast`` gives the tier of each account by name.
    """
    data = out / "data"
    data.mkdir(parents=True, exist_ok=True)
    configuration = out / CONFIGURATION
    configuration.write_text(files("moatkeeper.demo").joinpath(CONFIGURATION).read_text())
    keys = _open_accounts(data, cast)
    with ExitStack() as stack:
        model, bare_url = _model_server(seed)
        servers = [stack.enter_context(Server(model, out / "model-server.log"))]
        gateway, gateway_url, admin_url = _gateway(bare_url, data, configuration)
        servers.append(stack.enter_context(Server(gateway, out / "gateway.log")))
        yield Stage(bare_url, gateway_url, admin_url, data, keys, tuple(servers))


def _open_accounts(data: Path, cast: Mapping[str, str]) -> Mapping[str, str]:
    """A new key for each name, which gets an ending that no earlier run on the same data used: nobody inherits its use."""
    run = f"{time.time_ns():x}"
    with Keys.open(data) as keys:
        return {name: keys.add(f"{name}-{run}", tier=tier, label="demo").plaintext for name, tier in cast.items()}


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
