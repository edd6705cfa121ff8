"""Settings of the process itself: where it listens, what it forwards to, what it keeps and what it says."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from moatkeeper.config.quantities import Seconds, Section, Size, Takes, VariableName

FailMode = Literal["open", "closed"]
Port = Annotated[int, Field(ge=0, le=65535)]


def _upstream_url(value: str) -> str:
    parts = urlsplit(value)
    whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0  # .port raises where it is no number
    if not whole or parts.query or parts.fragment or "@" in parts.netloc or not value.isprintable() or " " in value:
        raise ValueError("no such URL")
    return value.rstrip("/")


UpstreamUrl = Annotated[
    str,
    AfterValidator(_upstream_url),
    Takes('a URL such as "http://127.0.0.1:8000", without query and without credentials (name them in authorization_env)'),
]


class ServerSettings(Section):
    """Where this process listens, and how much it takes on."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that clients reach. `0.0.0.0` or `::` listens to the network."
    )
    port: Port = Field(default=8080, description="Port that clients reach; 0 takes a free one.")
    admin_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address of health, readiness and metrics. Keep it away from the clients' network.",
    )
    admin_port: Port = Field(default=8081, description="Port of health, readiness and metrics; 0 takes a free one.")
    body_limit_bytes: Size = Field(default=8 * 2**20, description="Longest request body taken. Larger: more memory a request.")
    answer_limit_bytes: Size = Field(
        default=64 * 2**20,
        description=(
            "Longest upstream answer that is held to be minimised; streams are not held. Larger: more memory a request."
        ),
    )
    max_in_flight: int = Field(
        default=1024,
        ge=1,
        description="Requests served at the same time; more are told to come back. Larger: more memory under load.",
    )
    read_timeout_s: Seconds = Field(
        default=30.0, description="Time a client has to send its whole request. Larger: slow clients hold places longer."
    )
    write_timeout_s: Seconds = Field(
        default=60.0, description="Time a client has to take a piece of its answer. Larger: slow readers hold places longer."
    )
    drain_s: Seconds = Field(
        default=10.0, description="Time that requests in flight have to finish when the process is asked to stop."
    )
    data: Path = Field(
        default=Path("moatkeeper-data"),
        strict=False,
        description="Folder of everything that is kept: keys, standings and the ledger.",
    )


class UpstreamSettings(Section):
    """The model server behind Moatkeeper."""

    url: UpstreamUrl | None = Field(
        default=None,
        description="Where the model server answers, such as `http://127.0.0.1:8000`. Given here or as `--upstream`.",
    )
    connect_timeout_s: Seconds = Field(default=5.0, description="Time to get a connection.")
    first_byte_timeout_s: Seconds = Field(
        default=120.0,
        description=(
            "Time from the request to the first byte of the answer. Larger: slower models work, dead ones are noticed later."
        ),
    )
    idle_timeout_s: Seconds = Field(default=60.0, description="Longest silence inside an answer or a stream.")
    keep_alive_s: Seconds = Field(
        default=15.0, description="How long an unused connection is kept. Keep it below the model server's own time-out."
    )
    connections: int = Field(
        default=256, ge=1, description="Connections to the model server at most. Larger: more at once, less waiting here."
    )
    ca_file: Path | None = Field(
        default=None, strict=False, description="Certificates (PEM) that vouch for the model server; without it, the system's."
    )
    authorization_env: VariableName | None = Field(
        default=None,
        description=(
            "Name of the environment variable whose value goes upstream as `Authorization`. The value itself "
            "never stands in the file."
        ),
    )


class RouteOverride(Section):
    """One exception to `routes.fail`."""

    match: str = Field(
        min_length=1, description="Path, with `*` for anything, such as `/v1/embeddings*`. The first match decides."
    )
    fail: FailMode = Field(description="`open` or `closed`, as in `routes.fail`.")

    def covers(self, path: str) -> bool:
        """Whether this exception is about ``path``."""
        return fnmatchcase(path, self.match)


class RoutesSettings(Section):
    """What happens on a route when a part of Moatkeeper itself fails: its memory or its ledger."""

    fail: FailMode = Field(
        default="open",
        description=(
            "`open` answers without what failed, `closed` answers 503. Output is minimised either way; faults of "
            "clients and model servers are not meant."
        ),
    )
    override: tuple[RouteOverride, ...] = Field(default=(), strict=False, description="Exceptions by path.")


class LedgerSettings(Section):
    """The record of who asked, when, and what was decided."""

    enabled: bool = Field(default=True, description="Whether a ledger is kept.")
    flush_s: Seconds = Field(
        default=0.05,
        description=(
            "Longest time an entry waits for others before they are written together. Larger: fewer writes, more "
            "lost by a crash."
        ),
    )
    queue_limit: int = Field(
        default=100_000,
        ge=1,
        description=(
            "Entries that may wait for the disk; when it is full, `routes.fail` decides. Larger: longer stalls "
            "survived, more memory."
        ),
    )


class TelemetrySettings(Section):
    """What the process says about itself."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line that is written."
    )
    json_logs: bool = Field(default=True, description="One JSON object a line; false: plain text for a terminal.")
    opentelemetry: bool = Field(
        default=False, description="Send traces by OTLP, as the `OTEL_*` variables say. Needs the extra `otel`."
    )
