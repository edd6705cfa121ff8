"""The steps of the data path, none of which waits: admit a request, forward it, release its answer, settle, record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from moatkeeper.core.answer import Usage
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, Query
from moatkeeper.errors import Overloaded, RequestError, UnexpectedAnswer, UpstreamError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.memory import Memory
from moatkeeper.patterns.finding import Finding
from moatkeeper.serve import replies
from moatkeeper.serve.asgi import ClientGone
from moatkeeper.serve.door import Door
from moatkeeper.serve.identify import Claims, Identity
from moatkeeper.serve.metrics import Metrics
from moatkeeper.serve.recorder import Outcome, Recorder
from moatkeeper.serve.requests import QueryIds
from moatkeeper.serve.shadow import ShadowReport
from moatkeeper.serve.tracing import NO_TRACING, Tracing
from moatkeeper.serve.turn import CLOSE
from moatkeeper.serve.visit import NO_ANSWER, Fields, ModelServer, PromptServer, Running, Sent, Visit, Work
from moatkeeper.serve.visits import Visits
from moatkeeper.wire.base import Headers, Message, Route
from moatkeeper.wire.registry import resolve

log = logging.getLogger("moatkeeper.gateway")

CLIENT_CLOSED = 499
"""What the ledger and the metrics say where the client left before its answer was whole; never sent."""

TOO_MANY_IN_FLIGHT = "too many requests are in flight"

ARRIVING_A_PLACE = 4
"""Requests that may be arriving for each that may be in flight; larger: more slow senders are borne, in more memory."""

Waiting = Awaitable[None] | None
"""What is left of an answer to wait for."""


class Watching(Protocol):
    """Who is told of exchanges and of what was found in them, and never waits."""

    @property
    def records(self) -> bool: ...
    def saw(self, exchange: Exchange) -> None: ...
    def found(self, findings: Sequence[Finding]) -> None: ...


class Desk:
    """What every road through the gateway shares. Everything that a test may want to hold still is handed in."""

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
        lookout: Watching | None = None,
    ) -> None:
        self.running = running
        self.lookout = lookout
        self.upstream = upstream
        self.prompt = upstream if isinstance(upstream, PromptServer) else None
        self.memory = memory
        self.recorder = recorder
        self.metrics = metrics or Metrics()
        self.tracing = tracing
        self.clock = clock
        self.shadow = ShadowReport()
        self.visits = Visits()
        self._ids = QueryIds()

    # In.

    def open(self, door: Door) -> Visit:
        """A request has come; to be closed by ``leave`` whatever happens."""
        running = self.running
        return Visit(door, running, self.visits.enter(door.receive, running.read_timeout_s), time.perf_counter())

    def resolve(self, visit: Visit) -> Route:
        """The way in that the request has found; raises RouteRefused, MethodRefused or Overloaded."""
        running, door = visit.running, visit.door
        if len(self.visits) > running.max_in_flight * ARRIVING_A_PLACE:
            raise Overloaded(TOO_MANY_IN_FLIGHT)
        visit.wire, visit.route = resolve(running.formats, door.method, door.path)
        return visit.route

    def identify(self, visit: Visit) -> Identity:
        """Who asks; raises Unauthenticated."""
        door, identifier = visit.door, visit.running.identifier
        claims = door.notes.get(identifier)
        if not isinstance(claims, Claims):
            claims = door.notes[identifier] = identifier.claims(door.headers)
        return identifier.judge(claims, door.host, self.clock())

    def arrive(self, visit: Visit) -> None:
        """Takes a place among the requests in flight. Only whole requests do: a slow sender holds up nobody else."""
        visit.presence.arrive()
        metrics = self.metrics
        metrics.in_flight += 1
        if metrics.in_flight > visit.running.max_in_flight:
            raise Overloaded(TOO_MANY_IN_FLIGHT)

    def decide(self, visit: Visit, route: Route, identity: Identity, body: bytes) -> Work:
        """What is asked for, and whether it may be; raises RequestError where it cannot be read, or nothing can be recorded."""
        running, at = visit.running, self.clock()
        self.arrive(visit)
        wire = visit.wire
        if wire is None:
            raise Overloaded(TOO_MANY_IN_FLIGHT)
        codec = wire.codec(route)
        asked = codec.read(route, Message(visit.door.headers, body))
        rows, tokens = asked.inputs.rows, asked.tokens
        query_id = self._ids.next()
        query = Query(query_id, identity.caller, asked.model, at, asked.inputs, Cost(rows, tokens), asked.outputs)
        if not self.recorder.ready and not running.fail_open(visit.door.path):
            raise Overloaded("temporarily unavailable")
        decision = self._admit(visit, query)
        work = Work(query, decision, asked, codec, identity, body, tokens_reserved=tokens)
        work.headers = [(b"x-request-id", query_id.encode())]
        if running.show_quota and decision.quota is not None:
            work.headers += replies.quota_headers(decision.quota, refused=not decision.admitted)
        return work

    def _admit(self, visit: Visit, query: Query) -> Decision:
        """The guard's decision; where the guard itself fails, the route's choice: service without limits, or none."""
        guard = visit.running.guard
        try:
            decision = guard.admit(query, self.memory)
        except Exception:
            log.exception("admission failed", extra={"query": query.id})
            if not visit.running.fail_open(visit.door.path):
                raise Overloaded("temporarily unavailable") from None
            return Decision(True, True, "fault:admit", 0.0, Standing.GOOD, guard.contract(query))
        self.shadow.note(query, decision)
        if not decision.would_admit:
            counts = self.metrics.shadowed if decision.admitted else self.metrics.refused
            counts[decision.reason] += 1
        return decision

    def outgoing(self, visit: Visit, work: Work) -> Sent:
        """The request as the model server will see it."""
        work.started = time.perf_counter()
        door, requests, identity = visit.door, visit.running.requests, work.identity
        if self.tracing is not NO_TRACING:
            work.span = self.tracing.start(work.query, work.asked.route, door.headers)
        out = work.codec.forward(work.asked, work.decision.contract)
        work.sent_body = work.request_body if out.body is None else out.body
        known = door.notes.get(requests)
        if isinstance(known, Sent) and known.changes is out.headers and known.consumed is identity.consumed:
            return known
        headers = requests.headers(door.headers, out.headers, identity)
        target = requests.target(door.path, door.query)
        letter = self.prompt.letter(door.method, target, headers) if self.prompt is not None else b""
        sent = door.notes[requests] = Sent(door.method, target, headers, letter, out.headers, identity.consumed)
        return sent

    def heard(self, work: Work) -> None:
        """The model server has answered."""
        self.metrics.upstream_s.observe(time.perf_counter() - work.started)

    # Out.

    def turn_away(self, visit: Visit, work: Work) -> Waiting:
        """A refusal in the protocol's own shape, the same for every reason but an ended account."""
        ended = work.decision.reason.startswith("standing:")
        work.status = 403 if ended else 429
        headers = work.headers + replies.retry_headers(work.decision)
        try:
            return self.refuse(visit, work.status, replies.ENDED if ended else replies.TOO_MANY, headers)
        finally:
            self._record(work, 0.0)

    def give(self, visit: Visit, work: Work, message: Message) -> Waiting:
        """The model server's whole answer, as this caller may see it; raises UnexpectedAnswer."""
        status = work.status = message.status
        if not 200 <= status < 300:
            return self.give_failure(visit, message, work.headers)
        contract = work.decision.contract
        given = work.codec.answer(work.asked, message)
        released = visit.running.guard.release(work.query, work.decision, given.answer)
        out = work.codec.deliver(given, released, contract)
        final = message.body if out.body is None else out.body
        work.answer, work.released, work.released_body = given.answer, released, final
        work.usage = Usage(max(work.query.cost.rows, given.answer.vectors), given.answer.tokens)
        head = replies.merged(message.headers, out.headers)
        head += work.headers
        return self.send(visit, status, head, final)

    def send(self, visit: Visit, status: int, headers: Fields, body: bytes) -> Waiting:
        """Sends a whole response; a client that does not take it has ``write_timeout_s`` to begin to."""
        visit.begun, visit.status = True, status
        waiting = visit.door.reply(status, headers, body)
        if waiting is not None:
            visit.presence.deadline = asyncio.get_running_loop().time() + visit.running.write_timeout_s
        return waiting

    def give_failure(self, visit: Visit, message: Message, headers: Fields) -> Waiting:
        """A failure of the model server's, told in our words: only its complaint about a request is passed on."""
        status = message.status
        if 400 <= status < 500:
            text = replies.upstream_complaint(message)
        elif status >= 500:
            self.metrics.upstream_failures[f"http_{status}"] += 1
            text = "the model server failed"
        else:
            raise UnexpectedAnswer(f"the model server answered with status {status}, expected 2xx, 4xx or 5xx")
        return self.refuse(visit, status, text, headers + [pair for pair in message.headers if pair[0] == b"retry-after"])

    def refuse(self, visit: Visit, status: int, message: str, headers: Fields | None = None) -> Waiting:
        """An error in the protocol's own shape; where an answer has begun already, it is broken off instead."""
        if visit.begun:
            # Ending without the rest makes the server close the connection: the client sees that the answer is not whole.
            visit.cut = True
            log.warning("answer broken off", extra={"detail": message, "path": visit.door.path})
            return None
        body = replies.refusal_body(visit.wire, visit.route, status, message)
        head = [replies.JSON, *(headers or [])]
        if status in (408, 413):
            head.append(CLOSE)
        return self.send(visit, status, head, body)

    def explain(self, visit: Visit, error: BaseException) -> Waiting:
        """What the client is told of an error; raises the error where it is not one of a request's."""
        presence, path = visit.presence, visit.door.path
        if isinstance(error, RequestError):
            return self.refuse(visit, error.status, error.message)
        if isinstance(error, UpstreamError) and not presence.left:
            self.metrics.upstream_failures[type(error).__name__] += 1
            log.warning("upstream failed", extra={"error": type(error).__name__, "detail": error.message, "path": path})
            return self.refuse(visit, error.status, "the model server did not answer as it should")
        if isinstance(error, ClientGone) or presence.left:
            visit.status = CLIENT_CLOSED
            return None
        if isinstance(error, Exception):
            log.error("request failed", exc_info=error, extra={"path": path})
            return self.refuse(visit, 500, "internal error")
        if not presence.slow or not isinstance(error, asyncio.CancelledError):
            raise error
        if visit.begun:
            visit.status = CLIENT_CLOSED
            log.warning("a client did not take its answer", extra={"path": path})
            return None
        return self.refuse(visit, 408, "the request did not arrive in time")

    # Afterwards.

    def settle(self, visit: Visit, work: Work, error: BaseException | None) -> None:
        """The true cost replaces the reservation, detectors look, the ledger takes it down. Once for each admitted query."""
        if error is not None:
            work.status = status_of(error)
        took_s = time.perf_counter() - work.started
        guard = visit.running.guard
        try:
            guard.settle(work.query, work.decision, work.usage, self.memory)
            lookout = self.lookout
            if work.answer is not NO_ANSWER and (guard.observes or (lookout is not None and lookout.records)):
                self._observe(guard, Exchange(work.query, work.decision, work.answer, work.released))
        except Exception:
            log.exception("settling failed", extra={"query": work.query.id})
        self.metrics.rows += work.usage.rows
        self.metrics.tokens += work.usage.tokens
        self._record(work, took_s)
        if self.tracing is not NO_TRACING:
            self.tracing.end(work.span, work.status, work.usage)

    def _observe(self, guard: Guard, exchange: Exchange) -> None:
        found = guard.observe(exchange, self.memory)
        if self.lookout is not None:
            self.lookout.saw(exchange)
            if found:
                self.lookout.found(found)

    def _record(self, work: Work, took_s: float) -> None:
        route, recorder = work.asked.route, self.recorder
        digest = work.released_digest if work.released_body is None else recorder.released_digest(work.released_body)
        outcome = Outcome(route.format, route.operation, work.status, work.usage, work.request_body, digest, took_s)
        if not recorder.record(work.query, work.decision, outcome):
            self.metrics.unrecorded += 1

    def leave(self, visit: Visit) -> None:
        """The request is done with."""
        metrics, presence, route = self.metrics, visit.presence, visit.route
        self.visits.leave(presence)
        if presence.arrived:
            metrics.in_flight -= 1
        metrics.requests[(route.format, route.operation, visit.status) if route else ("", "", visit.status)] += 1
        metrics.request_s.observe(time.perf_counter() - visit.started)


def status_of(error: BaseException) -> int:
    """What the ledger says of a query that ended so."""
    if isinstance(error, RequestError | UpstreamError):
        return error.status
    return CLIENT_CLOSED if isinstance(error, asyncio.CancelledError | ClientGone) else 500


def is_stream(headers: Headers, status: int) -> bool:
    """Whether an answer comes as events; raises UnexpectedAnswer for one that is encoded."""
    media = b""
    for name, value in headers:
        if name == b"content-type" and not media:
            media = value
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise UnexpectedAnswer("the answer is encoded although identity was asked for")
    return 200 <= status < 300 and media.split(b";", 1)[0].strip().lower() == b"text/event-stream"


async def done(waiting: Waiting) -> None:
    """Returns once nothing is left to wait for."""
    if waiting is not None:
        await waiting
