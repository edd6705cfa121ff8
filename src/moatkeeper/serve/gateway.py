"""The data path: one query through the house, from the client's bytes to the bytes that may go out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.contract import Contract
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, Query
from moatkeeper.errors import (
    MalformedRequest,
    Overloaded,
    RequestError,
    UnexpectedAnswer,
    UpstreamError,
)
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.memory import Memory
from moatkeeper.serve import replies
from moatkeeper.serve.asgi import ClientGone, Receive, Scope, Send, read_body, send_response
from moatkeeper.serve.identify import Identifier, Identity
from moatkeeper.serve.metrics import Metrics
from moatkeeper.serve.recorder import Outcome, Recorder
from moatkeeper.serve.requests import ForwardedRequests, QueryIds
from moatkeeper.serve.shadow import ShadowReport
from moatkeeper.serve.tracing import NO_TRACING, Tracing
from moatkeeper.serve.visits import Presence, Visits
from moatkeeper.wire.base import Asked, Codec, Headers, Message, Purpose, Route, WireFormat
from moatkeeper.wire.registry import resolve

log = logging.getLogger("moatkeeper.gateway")

NOTHING_USED = Usage(rows=0)
NO_ANSWER = Answer(())
LEAST = Contract()

PROBES = frozenset({"health"})
"""Operations that load balancers ask without credentials, also where identity is required: they say up or down."""

CLIENT_CLOSED = 499
"""What the ledger and the metrics say where the client left before its answer was whole; never sent."""

TOO_MANY_IN_FLIGHT = "too many requests are in flight"

ARRIVING_A_PLACE = 4
"""Requests that may be arriving for each that may be in flight; larger: more slow senders are borne, in more memory."""

EXTENSION_TOKENS = 256
"""Reserved at a time by a stream that outgrows its estimate; larger: fewer decisions, a coarser end of the budget."""


class UpstreamReply(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    async def body(self, limit: int) -> bytes: ...
    def chunks(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class ModelServer(Protocol):
    """What stands behind the gateway: a server on the network, or an application in this process."""

    async def open(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> UpstreamReply:
        """The answer once its head is there; raises UpstreamError."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """What one configuration makes of the gateway; a reload swaps it whole, between two requests."""

    guard: Guard
    formats: tuple[WireFormat, ...]
    identifier: Identifier
    requests: ForwardedRequests
    fail_open: Callable[[str], bool]
    body_limit: int = 8 * 2**20
    answer_limit: int = 64 * 2**20
    max_in_flight: int = 1024
    read_timeout_s: float = 30.0
    write_timeout_s: float = 60.0
    show_quota: bool = False  # RateLimit fields on answers: only where limits are enforced


@dataclass(slots=True)
class _Visit:
    """One request on its way: what is known of it so far."""

    scope: Scope
    receive: Receive
    send: Send
    running: Running
    path: str
    presence: Presence
    wire: WireFormat | None = None
    route: Route | None = None
    begun: bool = False  # the response's head is out: nothing but the body may follow
    status: int = 0


@dataclass(slots=True)
class _Work:
    """One admitted query and what came of it, for settling and recording."""

    query: Query
    decision: Decision
    asked: Asked
    codec: Codec
    identity: Identity
    request_body: bytes
    usage: Usage = NOTHING_USED
    status: int = 0
    answer: Answer = NO_ANSWER
    released: Answer = NO_ANSWER
    released_digest: str = ""
    tokens_reserved: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Gateway:
    """A pure ASGI application. Everything that a test may want to hold still is handed in: clock, memory, recorder."""

    def __init__(
        self,
        running: Running,
        upstream: ModelServer,
        memory: Memory,
        recorder: Recorder,
        *,
        metrics: Metrics | None = None,
        tracing: Tracing = NO_TRACING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.running = running
        self.upstream = upstream
        self.memory = memory
        self.recorder = recorder
        self.metrics = metrics or Metrics()
        self.tracing = tracing
        self.clock = clock
        self.shadow = ShadowReport()
        self._ids = QueryIds()
        self._visits = Visits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request; websockets are refused, for no protected protocol speaks them."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        metrics = self.metrics
        started = time.perf_counter()
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        running = self.running
        presence = self._visits.enter(receive, running.read_timeout_s)
        visit = _Visit(scope, receive, send, running, raw_path.decode("latin-1"), presence)
        try:
            await self._visit(visit)
        except RequestError as error:
            await self._refuse(visit, error.status, error.message)
        except UpstreamError as error:
            metrics.upstream_failures[type(error).__name__] += 1
            log.warning("upstream failed", extra={"error": type(error).__name__, "detail": error.message, "path": visit.path})
            await self._refuse(visit, error.status, "the model server did not answer as it should")
        except ClientGone:
            visit.status = CLIENT_CLOSED
        except asyncio.CancelledError:
            if presence.left:
                visit.status = CLIENT_CLOSED
            elif presence.slow and visit.begun:
                visit.status = CLIENT_CLOSED
                log.warning("a client did not take its answer", extra={"path": visit.path})
            elif presence.slow:
                await self._refuse(visit, 408, "the request did not arrive in time")
            else:
                raise
        except Exception:
            log.exception("request failed", extra={"path": visit.path})
            await self._refuse(visit, 500, "internal error")
        finally:
            self._visits.leave(presence)
            if presence.arrived:
                metrics.in_flight -= 1
            route = visit.route
            metrics.requests[(route.format, route.operation, visit.status) if route else ("", "", visit.status)] += 1
            metrics.request_s.observe(time.perf_counter() - started)

    async def _visit(self, visit: _Visit) -> None:
        running, scope = visit.running, visit.scope
        if len(self._visits) > running.max_in_flight * ARRIVING_A_PLACE:
            raise Overloaded(TOO_MANY_IN_FLIGHT)
        wire, route = resolve(running.formats, scope["method"], visit.path)
        visit.wire, visit.route = wire, route
        headers: Headers = tuple(scope["headers"])
        if route.purpose is Purpose.PLAIN:
            await self._pass_plain(visit, wire, route, headers)
            return
        at = self.clock()
        client = scope.get("client")
        identity = running.identifier.identify(headers, client[0] if client else "", at)
        body = await read_body(visit.receive, headers, running.body_limit)
        self._begin(visit)
        codec = wire.codec(route)
        asked = codec.read(route, Message(headers, body))
        query = Query(
            self._ids.next(),
            identity.caller,
            asked.model,
            at,
            asked.inputs,
            Cost(asked.inputs.rows, asked.tokens),
            asked.outputs,
        )
        fail_open = running.fail_open(visit.path)
        if not fail_open and not self.recorder.ready:
            raise Overloaded("temporarily unavailable")
        decision = self._admit(running.guard, query, fail_open)
        work = _Work(query, decision, asked, codec, identity, body, tokens_reserved=asked.tokens)
        work.headers.append((b"x-request-id", query.id.encode()))
        if running.show_quota and decision.quota is not None:
            work.headers += replies.quota_headers(decision.quota, refused=not decision.admitted)
        if not decision.admitted:
            await self._turn_away(visit, work)
            return
        await self._answer(visit, work, headers)

    def _begin(self, visit: _Visit) -> None:
        """Takes a place among the requests in flight. Only whole requests do: a slow sender holds up nobody else."""
        visit.presence.arrive()
        self.metrics.in_flight += 1
        if self.metrics.in_flight > visit.running.max_in_flight:
            raise Overloaded(TOO_MANY_IN_FLIGHT)

    def _admit(self, guard: Guard, query: Query, fail_open: bool) -> Decision:
        """The guard's decision; where the guard itself fails, the route's choice: service without limits, or none."""
        try:
            decision = guard.admit(query, self.memory)
        except Exception:
            log.exception("admission failed", extra={"query": query.id})
            if not fail_open:
                raise Overloaded("temporarily unavailable") from None
            contract = guard.contract(query)
            return Decision(True, True, "fault:admit", 0.0, Standing.GOOD, contract)
        self.shadow.note(query, decision)
        if not decision.would_admit:
            counts = self.metrics.shadowed if decision.admitted else self.metrics.refused
            counts[decision.reason] += 1
        return decision

    async def _turn_away(self, visit: _Visit, work: _Work) -> None:
        """A refusal in the protocol's own shape, the same for every reason but an ended account."""
        ended = work.decision.reason.startswith("standing:")
        status = 403 if ended else 429
        message = replies.ENDED if ended else replies.TOO_MANY
        work.headers += replies.retry_headers(work.decision)
        try:
            await self._refuse(visit, status, message, headers=work.headers)
        finally:
            work.status = status
            self._record(visit, work, 0.0)

    async def _answer(self, visit: _Visit, work: _Work, headers: Headers) -> None:
        """Forwards the query and gives the answer back; settles and records whatever happens on the way."""
        started = time.perf_counter()
        span = self.tracing.start(work.query, work.asked.route, headers)
        try:
            outgoing = work.codec.forward(work.asked, work.decision.contract)
            target = visit.running.requests.target(visit.scope, work.asked.route.purpose)
            sent = visit.running.requests.headers(headers, outgoing.headers, work.identity)
            body = outgoing.body if outgoing.body is not None else work.request_body
            reply = await self.upstream.open(visit.scope["method"], target, sent, body)
            self.metrics.upstream_s.observe(time.perf_counter() - started)
            try:
                await self._give(visit, work, reply)
            finally:
                await reply.aclose()
        except asyncio.CancelledError:
            work.status = CLIENT_CLOSED
            raise
        except (RequestError, UpstreamError) as error:
            work.status = error.status
            raise
        except Exception:
            work.status = 500
            raise
        finally:
            self._settle(visit, work, time.perf_counter() - started)
            self.tracing.end(span, work.status, work.usage)

    async def _give(self, visit: _Visit, work: _Work, reply: UpstreamReply) -> None:
        """The model server's answer, whatever it is, as this caller may see it."""
        media = _media_type(reply.headers)
        if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in reply.headers):
            raise UnexpectedAnswer("the answer is encoded although identity was asked for")
        if 200 <= reply.status < 300 and media == "text/event-stream":
            await self._stream(visit, work, reply)
            return
        body = await reply.body(visit.running.answer_limit)
        message = Message(reply.headers, body, reply.status)
        if not 200 <= reply.status < 300:
            work.status = reply.status
            await self._give_failure(visit, message, work.headers)
            return
        given = work.codec.answer(work.asked, message)
        released = visit.running.guard.release(work.query, work.decision, given.answer)
        out = work.codec.deliver(given, released, work.decision.contract)
        final = body if out.body is None else out.body
        head = _merge(replies.passed_headers(reply.headers), out.headers) + work.headers
        work.answer, work.released, work.status = given.answer, released, reply.status
        work.usage = Usage(max(work.query.cost.rows, given.answer.vectors), given.answer.tokens)
        work.released_digest = self.recorder.released_digest(final)
        visit.begun, visit.status = True, reply.status
        visit.presence.deadline = asyncio.get_running_loop().time() + visit.running.write_timeout_s
        await send_response(visit.send, reply.status, head, final)

    async def _give_failure(self, visit: _Visit, message: Message, headers: list[tuple[bytes, bytes]]) -> None:
        """A failure of the model server's, told in our words: only its complaint about a request is passed on."""
        status = message.status
        if 400 <= status < 500:
            text = replies.upstream_complaint(message)
        elif status >= 500:
            self.metrics.upstream_failures[f"http_{status}"] += 1
            text = "the model server failed"
        else:
            raise UnexpectedAnswer(f"the model server answered with status {status}, expected 2xx, 4xx or 5xx")
        retry = [pair for pair in message.headers if pair[0] == b"retry-after"]
        await self._refuse(visit, status, text, headers=headers + retry)

    async def _stream(self, visit: _Visit, work: _Work, reply: UpstreamReply) -> None:
        """An event stream, each chunk minimised and passed on as it comes; tokens are counted while it runs."""
        stream = work.codec.stream(work.asked, work.decision.contract)
        digest = self.recorder.running_digest()
        head = replies.passed_headers(reply.headers) + work.headers
        work.status = visit.status = reply.status
        visit.begun = True
        await visit.send({"type": "http.response.start", "status": reply.status, "headers": head})
        rows = work.query.cost.rows
        work.usage = Usage(rows, stream.tokens)
        presence, patience_s, now = visit.presence, visit.running.write_timeout_s, asyncio.get_running_loop().time
        try:
            async for chunk in reply.chunks():
                out = stream.feed(chunk)
                work.usage = Usage(rows, stream.tokens)
                if stream.tokens > work.tokens_reserved and not self._extend(visit, work, stream.tokens):
                    out += stream.cut()
                    digest.update(out)
                    await visit.send({"type": "http.response.body", "body": out})
                    return
                if out:
                    digest.update(out)
                    presence.deadline = now() + patience_s
                    await visit.send({"type": "http.response.body", "body": out, "more_body": True})
                    presence.deadline = 0.0
            rest = stream.finish()
            digest.update(rest)
            work.usage = Usage(rows, stream.tokens)
            await visit.send({"type": "http.response.body", "body": rest})
        finally:
            work.released_digest = digest.hex()

    def _extend(self, visit: _Visit, work: _Work, tokens: int) -> bool:
        """Whether a stream that outgrew its reservation may go on."""
        more = max(EXTENSION_TOKENS, tokens - work.tokens_reserved)
        extended = visit.running.guard.extend(work.query, work.decision, more, self.memory, at=self.clock())
        if extended is None:
            return False
        work.decision = extended
        work.tokens_reserved += more
        return True

    def _settle(self, visit: _Visit, work: _Work, took_s: float) -> None:
        """After the reply: the true cost replaces the reservation, detectors look, the ledger takes it down."""
        guard = visit.running.guard
        try:
            guard.settle(work.query, work.decision, work.usage, self.memory)
            if work.answer is not NO_ANSWER:
                guard.observe(Exchange(work.query, work.decision, work.answer, work.released), self.memory)
        except Exception:
            log.exception("settling failed", extra={"query": work.query.id})
        self.metrics.rows += work.usage.rows
        self.metrics.tokens += work.usage.tokens
        self._record(visit, work, took_s)

    def _record(self, visit: _Visit, work: _Work, took_s: float) -> None:
        route = work.asked.route
        outcome = Outcome(
            route.format, route.operation, work.status, work.usage, work.request_body, work.released_digest, took_s
        )
        if not self.recorder.record(work.query, work.decision, outcome):
            self.metrics.unrecorded += 1

    async def _pass_plain(self, visit: _Visit, wire: WireFormat, route: Route, headers: Headers) -> None:
        """Health and metadata: passed on as far as the format declares, without anybody's credentials of ours."""
        running, method = visit.running, visit.scope["method"]
        if route.operation not in PROBES:
            client = visit.scope.get("client")
            running.identifier.identify(headers, client[0] if client else "", self.clock())
        self._begin(visit)
        codec = wire.codec(route)
        asked = codec.read(route, Message(headers, b""))
        sent = running.requests.plain_headers(headers)
        reply = await self.upstream.open(method, visit.path.encode("latin-1"), sent, b"")
        try:
            body = await reply.body(running.answer_limit)
            message = Message(reply.headers, body, reply.status)
            if not 200 <= reply.status < 300:
                await self._give_failure(visit, message, [])
                return
            head = replies.passed_headers(reply.headers)
            if method != "HEAD":
                given = codec.answer(asked, message)
                out = codec.deliver(given, given.answer, LEAST)
                head, body = _merge(head, out.headers), body if out.body is None else out.body
            visit.begun, visit.status = True, reply.status
            await send_response(visit.send, reply.status, head, body)
        finally:
            await reply.aclose()

    async def _refuse(
        self,
        visit: _Visit,
        status: int,
        message: str,
        *,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        """An error in the protocol's own shape; where an answer has begun already, it is broken off instead."""
        if visit.begun:
            # Returning without the rest makes the server close the connection: the client sees that the answer is not whole.
            log.warning("answer broken off", extra={"detail": message, "path": visit.path})
            return
        visit.begun, visit.status = True, status
        body = replies.refusal_body(visit.wire, visit.route, status, message)
        head = [replies.JSON, *(headers or [])]
        if status in (408, 413):
            head.append((b"connection", b"close"))
        await send_response(visit.send, status, head, body)


def _media_type(headers: Headers) -> str:
    for name, value in headers:
        if name == b"content-type":
            return value.split(b";", 1)[0].strip().lower().decode("latin-1")
    return ""


def _merge(headers: list[tuple[bytes, bytes]], changes: object) -> list[tuple[bytes, bytes]]:
    """Header fields with the format's changes applied; None removes a field."""
    if not changes:
        return headers
    if not isinstance(changes, dict):
        raise MalformedRequest("header changes are not a mapping")
    kept = [pair for pair in headers if pair[0] not in changes]
    return kept + [(name, value) for name, value in changes.items() if value is not None]
