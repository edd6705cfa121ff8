"""`moatkeeper serve`: protects a model server, with no configuration at all or with all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moatkeeper import __version__
from moatkeeper.cli.options import ConfigOption
from moatkeeper.config.load import load
from moatkeeper.config.reload import Watcher
from moatkeeper.config.settings import Settings
from moatkeeper.serve.logs import configure
from moatkeeper.serve.run import Addresses, run


def serve(
    upstream: Annotated[str | None, typer.Option(help="Address of the model server, such as http://127.0.0.1:8000.")] = None,
    host: Annotated[str | None, typer.Option(help="Address that clients reach.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that clients reach; 0 takes a free one.")] = None,
    admin_host: Annotated[str | None, typer.Option(help="Address of health, metrics and reports.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of health, metrics and reports; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of everything that is kept.", envvar="MOATKEEPER_DATA")] = None,
    config: ConfigOption = None,
) -> None:
    """Protect a model server.

    Without a configuration, limits run in shadow mode (counted, nobody is refused) and least output is on.

    Example: moatkeeper serve --upstream http://127.0.0.1:8000
    """
    given = {
        "upstream.url": upstream,
        "server.host": host,
        "server.port": port,
        "server.admin_host": admin_host,
        "server.admin_port": admin_port,
        "server.data": data,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    settings = load(config, overrides)
    configure(settings.telemetry.log_level, json_lines=settings.telemetry.json_logs)
    watcher = Watcher(config, settings, overrides) if config is not None else None
    run(
        settings,
        started=lambda at: typer.echo(announcement(at, settings)),
        reload=watcher.poll if watcher is not None else lambda: None,
    )


def announcement(at: Addresses, settings: Settings) -> str:
    """What an operator reads at the start: where the ports are, whether limits refuse anybody, where things are kept."""
    limits = "in shadow mode (counted, nobody is refused)" if settings.limits.mode == "shadow" else "enforced"
    return "\n".join(
        (
            f"Moatkeeper {__version__} protects {settings.upstream.url}",
            f"  clients   {at.data}",
            f"  admin     {at.admin}  (/healthz /readyz /metrics /shadow /patterns)",
            f"  limits    {limits}; least output is on",
            f"  data      {settings.server.data}",
        )
    )
