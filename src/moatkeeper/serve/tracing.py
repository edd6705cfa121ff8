"""OpenTelemetry traces, where the library is present and asked for; nothing at all elsewhere."""

from __future__ import annotations

from typing import Protocol

from moatkeeper.core.answer import Usage
from moatkeeper.core.query import Query
from moatkeeper.errors import MissingExtra
from moatkeeper.wire.base import Headers, Route

TRACER = "moatkeeper"
SERVER_FAULT = 500


class Tracing(Protocol):
    """Begins and ends the span of one query."""

    def start(self, query: Query, route: Route, headers: Headers) -> object:
        """A span, to be handed to ``end``."""
        ...

    def end(self, span: object, status: int, usage: Usage) -> None:
        """Ends the span."""
        ...

    def close(self) -> None:
        """Sends what waits; the last call."""
        ...


class NoTracing:
    """Traces nothing."""

    def start(self, query: Query, route: Route, headers: Headers) -> object:
        """Nothing."""
        return None

    def end(self, span: object, status: int, usage: Usage) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


NO_TRACING = NoTracing()


def open_telemetry() -> Tracing:
    """Traces to the provider that the environment configures (OTEL_* variables); raises MissingExtra."""
    try:
        from moatkeeper.serve.tracing_otel import OpenTelemetry
    except ImportError as error:
        raise MissingExtra(
            "traces need the package opentelemetry-sdk",
            hint="pip install 'moatkeeper[otel]', or set telemetry.opentelemetry = false",
        ) from error
    return OpenTelemetry()
