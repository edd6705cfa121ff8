"""Spans by OpenTelemetry: standard HTTP and GenAI attributes, and what the guard adds in a namespace of its own."""

from __future__ import annotations

from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from moatkeeper.core.answer import Usage
from moatkeeper.core.query import Query
from moatkeeper.serve.tracing import SERVER_FAULT, TRACER
from moatkeeper.wire.base import Headers, Route


class OpenTelemetry:
    """One server span a query. Accounts are named by id, never by credential; inputs and answers are never attached."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: TRACER}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(TRACER)

    def start(self, query: Query, route: Route, headers: Headers) -> object:
        """A span that continues the client's trace, if it names one."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name.startswith(b"trace")}
        return self._tracer.start_span(
            f"{route.operation} {query.model}".strip(),
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "gen_ai.operation.name": route.operation,
                "gen_ai.request.model": query.model,
                "moatkeeper.format": route.format,
                "moatkeeper.query": query.id,
                "moatkeeper.account": query.caller.account.id,
                "moatkeeper.rows": query.cost.rows,
            },
        )

    def end(self, span: object, status: int, usage: Usage) -> None:
        """Ends the span with the status that the caller saw."""
        if not isinstance(span, Span):
            return
        span.set_attribute("http.response.status_code", status)
        if usage.tokens:
            span.set_attribute("gen_ai.usage.output_tokens", usage.tokens)
        if status >= SERVER_FAULT:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Sends what waits and ends the thread that sends; spans that begin later are lost."""
        self._provider.shutdown()
