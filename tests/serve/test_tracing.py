from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.serve.tracing import NO_TRACING
from moatkeeper.serve.tracing_otel import OpenTelemetry
from moatkeeper.wire.base import Headers, Purpose, Route

QUERY = Query(
    "00ff00ff00ff00ff",
    Caller(Account("acme", "org", "free"), "key-1", "192.0.2.1", Basis.KEY),
    "credit",
    1000.5,
    Inputs(InputKind.TEXTS, 2, ["sesame-input", "x"]),
    Cost(2),
)
ROUTE = Route("tensorflow", "predict", Purpose.INFER, "credit")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
HEADERS: Headers = ((b"authorization", b"Bearer sesame-key"), (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode()))


def traced(headers: Headers, status: int, usage: Usage) -> ReadableSpan:
    exporter = InMemorySpanExporter()
    tracing = OpenTelemetry(exporter)
    tracing.end(tracing.start(QUERY, ROUTE, headers), status, usage)
    tracing.close()
    (span,) = exporter.get_finished_spans()
    return span


def test_a_query_is_one_server_span_that_continues_the_clients_trace() -> None:
    span = traced(HEADERS, 200, Usage(2, 7))
    assert (span.name, span.kind) == ("predict credit", SpanKind.SERVER)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "predict",
        "gen_ai.request.model": "credit",
        "moatkeeper.format": "tensorflow",
        "moatkeeper.query": "00ff00ff00ff00ff",
        "moatkeeper.account": "acme",
        "moatkeeper.rows": 2,
        "http.response.status_code": 200,
        "gen_ai.usage.output_tokens": 7,
    }


def test_a_span_never_holds_an_input_or_a_credential() -> None:
    told = traced(HEADERS, 200, Usage(2)).to_json()
    assert "acme" in told
    assert "sesame" not in told


@pytest.mark.parametrize(
    ("status", "code"), [(200, StatusCode.UNSET), (429, StatusCode.UNSET), (500, StatusCode.ERROR), (504, StatusCode.ERROR)]
)
def test_only_a_servers_fault_marks_the_span_as_failed(status: int, code: StatusCode) -> None:
    assert traced((), status, Usage(0)).status.status_code is code


@pytest.mark.parametrize("named", [b"", b"nonsense", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"\xff\xfe"])
def test_a_client_that_names_no_trace_begins_one(named: bytes) -> None:
    assert traced(((b"traceparent", named),), 200, Usage(1)).parent is None


def test_what_is_not_a_span_is_not_ended() -> None:
    exporter = InMemorySpanExporter()
    OpenTelemetry(exporter).end(None, 200, Usage(1))
    assert exporter.get_finished_spans() == ()


def test_without_tracing_nothing_happens() -> None:
    span = NO_TRACING.start(QUERY, ROUTE, HEADERS)
    assert span is None
    NO_TRACING.end(span, 200, Usage(1))


def test_a_missing_library_names_the_extra_to_install() -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from moatkeeper.errors import MissingExtra\n"
        "from moatkeeper.serve.tracing import open_telemetry\n"
        "try:\n    open_telemetry()\n"
        "except MissingExtra as error:\n    print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'moatkeeper[otel]'" in done.stdout
