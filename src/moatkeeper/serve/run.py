"""Runs the two ports in one process: starts, reloads on SIGHUP or a changed file, drains and stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from moatkeeper.config.settings import Settings
from moatkeeper.errors import ConfigError, MoatkeeperError, UsageError
from moatkeeper.serve.asgi import Application
from moatkeeper.serve.house import House
from moatkeeper.serve.protocol import Http

log = logging.getLogger("moatkeeper.run")

TICK_S = 1.0
BACKLOG = 2048

CONNECTIONS_A_PLACE = 4
"""Connections for each request that may be in flight; requests on more than that are told to come back."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two ports are, as URLs."""

    data: str
    admin: str


class _Server(uvicorn.Server):
    """One of two servers in a process: signals are handled once for both, by ``run``."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def run(settings: Settings, *, started: Callable[[Addresses], None], reload: Callable[[], Settings | None]) -> None:
    """Serves until SIGINT or SIGTERM; raises MoatkeeperError where it cannot start.

    ``started`` is told the addresses once both ports answer. ``reload`` is asked every few seconds and on SIGHUP for a new
    configuration: None where there is no change; a ConfigError is logged and the old configuration stays.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(settings, started, reload))


async def _run(settings: Settings, started: Callable[[Addresses], None], reload: Callable[[], Settings | None]) -> None:
    server = settings.server
    with (
        contextlib.closing(_bind(server.host, server.port)) as data_socket,
        contextlib.closing(_bind(server.admin_host, server.admin_port)) as admin_socket,
    ):
        house = House(settings)
        servers = [_server(house.gateway, settings), _server(house.admin, settings)]
        stop = _stop_event(servers)
        gc.collect()
        gc.freeze()
        tasks = [
            asyncio.create_task(one.serve(sockets=[bound]))
            for one, bound in zip(servers, (data_socket, admin_socket), strict=True)
        ]
        ticker = asyncio.create_task(_tick(house, reload))
        try:
            while not all(one.started for one in servers):
                if any(task.done() for task in tasks):
                    break
                await asyncio.sleep(0.01)
            started(Addresses(_url(data_socket), _url(admin_socket)))
            await asyncio.gather(*tasks)
        finally:
            stop.set()
            ticker.cancel()
            await _break_off(servers, house)
            await house.close()


async def _break_off(servers: list[_Server], house: House) -> None:
    """Ends the requests that outlived the servers, so that each is settled and on record before the house closes."""
    house.gateway.visits.end_all()
    rest = [task for one in servers for task in one.server_state.tasks]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _server(application: Application, settings: Settings) -> _Server:
    return _Server(
        uvicorn.Config(
            application,
            loop="none",
            http=Http,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=CONNECTIONS_A_PLACE * settings.server.max_in_flight,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(settings.server.drain_s)),
        )
    )


def _stop_event(servers: list[_Server]) -> asyncio.Event:
    """Ends both servers on the first signal, at once on the second."""
    stop = asyncio.Event()

    def ask() -> None:
        for one in servers:
            one.force_exit = one.should_exit
            one.should_exit = True
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return stop


async def _tick(house: House, reload: Callable[[], Settings | None]) -> None:
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up.set)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hang_up.wait(), TICK_S)
        hang_up.clear()
        try:
            house.tick()
            settings = reload()
            if settings is not None:
                house.reload(settings)
                log.info("configuration reloaded")
        except ConfigError as error:
            house.refused(error)
            log.error("the new configuration was refused, the old one stays", extra={"detail": error.message})
        except MoatkeeperError as error:
            log.error("housekeeping failed", extra={"detail": error.message})


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket; raises UsageError with the reason in plain words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen at {host} port {port}: {error.strerror or error}", hint="choose another with --port or --admin-port"
        ) from error
    bound.setblocking(False)
    return bound


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
