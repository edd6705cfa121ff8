"""The straight road and the one with tasks: the same steps, so the same answers, records and counts, whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query
from moatkeeper.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from moatkeeper.evidence.digest import RunningDigest, released_digest, running_released_digest
from moatkeeper.guard.guard import Guard, Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.serve.addresses import Addresses
from moatkeeper.serve.asgi import Event
from moatkeeper.serve.door import AsgiDoor
from moatkeeper.serve.gateway import CLIENT_CLOSED, Gateway, Running
from moatkeeper.serve.heads import Notes
from moatkeeper.serve.http1_reply import Reply
from moatkeeper.serve.identify import Identifier, Identity
from moatkeeper.serve.protocol import Http
from moatkeeper.serve.recorder import Outcome
from moatkeeper.serve.requests import ForwardedRequests
from moatkeeper.serve.upstream import Upstream
from moatkeeper.store.memory import InMemory
from moatkeeper.wire.registry import default_formats
from tests.serve.wires import Wire, connected, responses, settled

SECRET = b"s" * 32
JSON = ((b"content-type", b"application/json"),)
GOOD = b'{"predictions": [[0.847392, 0.152608]]}'
BODY = b'{"instances": [[1.0, 2.0]]}'
PATH = "/v1/models/m:predict"


@dataclass
class Answering:
    """How a model server answers: with this, or with an error; or not before ``release`` is called."""

    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = JSON
    body: bytes = GOOD
    error: UpstreamError | None = None
    held: bool = False


class Source:
    """The connection of a reply, which ends where it is given up."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.failed = 0

    def resume(self) -> None:
        return

    def fail(self, error: UpstreamError) -> None:
        self.failed += 1
        if self.reply is not None:
            self.reply.finish(error)


class ModelServer:
    """A model server without sockets, that has a connection to spare or has not."""

    def __init__(self, answering: Answering, *, spare: bool = True) -> None:
        self.answering = answering
        self.spare = spare
        self.asked: list[bytes] = []
        self.sources: list[Source] = []

    def letter(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        return b" ".join((method.encode(), target, *(name + b"=" + value for name, value in sorted(headers))))

    def ask(self, letter: bytes, body: bytes, *, limit: int, then: Callable[[], None]) -> Reply | None:
        if not self.spare:
            return None
        reply = self._answer(letter + body)
        reply.tell(then, limit)
        return reply

    async def open(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> Reply:
        reply = self._answer(self.letter(method, target, headers) + body)
        try:
            await reply.wait()
        except BaseException:
            reply.abandon()
            raise
        if reply.error is not None and not reply.status:
            raise reply.error
        return reply

    def _answer(self, request: bytes) -> Reply:
        self.asked.append(request)
        source = Source()
        source.reply = reply = Reply(source, asyncio.get_running_loop())
        self.sources.append(source)
        if not self.answering.held:
            asyncio.get_running_loop().call_soon(self._feed, reply)
        return reply

    def _feed(self, reply: Reply) -> None:
        if self.answering.error is None or self.answering.body:
            reply.status, reply.headers = self.answering.status, self.answering.headers
            reply.arrived(self.answering.body)
        reply.finish(self.answering.error)


@dataclass
class Recorder:
    """Keeps what it is told."""

    ready: bool = True
    kept: list[tuple[bool, str, int, int, str]] = field(default_factory=list)

    def record(self, query: Query, decision: Decision, outcome: Outcome) -> bool:
        self.kept.append((decision.admitted, decision.reason, outcome.status, outcome.usage.rows, outcome.released_digest))
        return True

    def released_digest(self, body: bytes) -> str:
        return released_digest(SECRET, body)

    def running_digest(self) -> RunningDigest:
        return running_released_digest(SECRET)


@dataclass(frozen=True)
class Seen:
    """What came of one request: at the client, in the ledger, in the metrics, and at the model server."""

    answers: list[tuple[int, bytes]]
    kept: list[tuple[bool, str, int, int, str]]
    counted: dict[tuple[str, str, int], int]
    asked: list[bytes]
    in_flight: int
    present: int


def gateway(server: ModelServer, recorder: Recorder, *, rows: float = 100.0) -> Gateway:
    limits = (Limit(Scope.ACCOUNT, Unit.ROWS, rows), Limit(Scope.ACCOUNT, Unit.CONCURRENT, 8))
    guard = Guard(Policy({"default": Tier("default", limits, Contract())}, shadow=False), LeastOutput())
    running = Running(
        guard,
        default_formats(),
        Identifier(secret=SECRET, addresses=Addresses()),
        ForwardedRequests(),
        lambda path: False,
        body_limit=100,
        answer_limit=1000,
        read_timeout_s=0.05,
        write_timeout_s=0.05,
        show_quota=True,
    )
    return Gateway(running, server, InMemory(), recorder, clock=lambda: 1_767_225_600.0)


def seen(made: Gateway, answers: list[tuple[int, bytes]], server: ModelServer, recorder: Recorder) -> Seen:
    return Seen(answers, recorder.kept, dict(made.metrics.requests), server.asked, made.metrics.in_flight, len(made.visits))


def raw(path: str = PATH, body: bytes = BODY, extra: bytes = b"", method: bytes = b"POST") -> bytes:
    head = b"%b %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return head % (method, path.encode(), extra, len(body)) + body


async def by_socket(request: bytes, server: ModelServer, *, rows: float = 100.0) -> Seen:
    recorder = Recorder()
    made = gateway(server, recorder, rows=rows)
    protocol, wire, state = connected(Http, made)
    protocol.data_received(request)
    await settled()
    protocol.connection_lost(None)
    await settled()
    assert not state.tasks
    return seen(made, responses(wire.written), server, recorder)


async def by_asgi(request: bytes, server: ModelServer, *, rows: float = 100.0) -> Seen:
    recorder = Recorder()
    made = gateway(server, recorder, rows=rows)
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    path, _, query = target.partition(b"?")
    sent: list[Event] = []

    async def receive() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Event) -> None:
        sent.append(event)

    fields = [(name.lower(), value) for name, value in (each.split(b": ", 1) for each in lines)]
    scope = {"type": "http", "method": method.decode(), "path": path.decode(), "raw_path": path, "query_string": query}
    await made({**scope, "headers": fields, "client": ("192.0.2.7", 1)}, receive, send)
    answer = [(sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:]))] if sent else []
    return seen(made, answer, server, recorder)


CASES: dict[str, tuple[bytes, Answering]] = {
    "an answer": (raw(), Answering()),
    "a complaint": (raw(), Answering(400, body=b'{"error": "column 3 is missing"}')),
    "a failure": (raw(), Answering(500, body=b"secret")),
    "a redirection": (raw(), Answering(302, body=b"")),
    "nonsense": (raw(), Answering(body=b"<html>")),
    "another type": (raw(), Answering(headers=((b"content-type", b"text/html"),))),
    "an encoding": (raw(), Answering(headers=(*JSON, (b"content-encoding", b"gzip")))),
    "too few rows": (raw(body=b'{"instances": [[1.0], [2.0]]}'), Answering()),
    "an answer that is too long": (raw(), Answering(body=b" " * 2000)),
    "a broken answer": (raw(), Answering(error=UpstreamBroken("cut off"), body=b"")),
    "an answer broken in its body": (raw(), Answering(error=UpstreamBroken("cut off"))),
    "no answer in time": (raw(), Answering(error=UpstreamTimeout("slow"), body=b"")),
    "a query string": (raw(PATH + "?debug=1&api-version=1"), Answering()),
    "a foreign credential": (raw(extra=b"authorization: Bearer theirs\r\n"), Answering()),
    "two credentials": (raw(extra=b"authorization: Bearer a\r\nx-api-key: b\r\n"), Answering()),
    "an unknown path": (raw("/v1/elsewhere"), Answering()),
    "another method": (raw(method=b"PUT"), Answering()),
    "no JSON": (raw(body=b"{"), Answering()),
    "a body that is too long": (raw(body=b'{"instances": [%b1]}' % (b"1," * 100)), Answering()),
    "a closed signature": (raw(body=b'{"instances": [[1]], "signature_name": "x"}'), Answering()),
    "an event stream that was not asked for": (raw(), Answering(headers=((b"content-type", b"text/event-stream"),))),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("spare", [True, False], ids=["straight", "no connection to spare"])
def test_both_roads_come_to_the_same(case: str, spare: bool) -> None:
    request, answering = CASES[case]
    straight = asyncio.run(by_socket(request, ModelServer(answering, spare=spare)))
    tasks = asyncio.run(by_asgi(request, ModelServer(answering)))
    assert straight == tasks
    assert (straight.in_flight, straight.present) == (0, 0)
    assert len(straight.answers) == 1


@pytest.mark.parametrize("rows", [0.5, 1.0])
def test_both_roads_refuse_alike(rows: float) -> None:
    straight = asyncio.run(by_socket(raw(), ModelServer(Answering()), rows=rows))
    assert straight == asyncio.run(by_asgi(raw(), ModelServer(Answering()), rows=rows))
    assert [status for status, _ in straight.answers] == [429 if rows < 1 else 200]


def test_a_plain_query_needs_no_task() -> None:
    async def main() -> tuple[int, list[tuple[int, bytes]]]:
        server = ModelServer(Answering(held=True))
        protocol, wire, state = connected(Http, gateway(server, Recorder()))
        before = len(asyncio.all_tasks())
        protocol.data_received(raw())
        made = len(asyncio.all_tasks()) - before + len(state.tasks)
        server._feed(server.sources[0].reply)  # type: ignore[arg-type]
        made += len(asyncio.all_tasks()) - before
        await settled()
        protocol.connection_lost(None)
        return made, responses(wire.written)

    tasks, answers = asyncio.run(main())
    assert tasks == 0
    assert answers == [(200, b'{"predictions":[[0.85,0.15]]}')]


def test_what_one_caller_s_head_told_is_never_another_s() -> None:
    async def main() -> list[bytes]:
        server = ModelServer(Answering())
        protocol, _, _ = connected(Http, gateway(server, Recorder()))
        for token in (b"one", b"two", b"one", b"two"):
            protocol.data_received(raw(extra=b"authorization: Bearer " + token + b"\r\n"))
            await settled()
        protocol.connection_lost(None)
        return server.asked

    asked = asyncio.run(main())
    assert [b"Bearer one" in each for each in asked] == [True, False, True, False]
    assert [b"Bearer two" in each for each in asked] == [False, True, False, True]


def test_a_client_that_leaves_ends_its_query_at_the_model_server_at_once() -> None:
    async def main() -> tuple[int, Seen]:
        server, recorder = ModelServer(Answering(held=True)), Recorder()
        made = gateway(server, recorder)
        protocol, wire, _ = connected(Http, made)
        protocol.data_received(raw())
        protocol.connection_lost(None)
        return server.sources[0].failed, seen(made, responses(wire.written), server, recorder)

    failed, result = asyncio.run(main())
    assert failed == 1
    assert result.answers == []
    assert [status for _, _, status, _, _ in result.kept] == [CLIENT_CLOSED]
    assert result.counted == {("tensorflow", "predict", CLIENT_CLOSED): 1}
    assert (result.in_flight, result.present) == (0, 0)


def test_a_client_that_does_not_take_its_answer_loses_its_connection_and_its_place() -> None:
    async def main() -> tuple[Wire, Seen]:
        server, recorder = ModelServer(Answering()), Recorder()
        made = gateway(server, recorder)
        protocol, wire, _ = connected(Http, made)
        if not isinstance(protocol, Http):
            raise TypeError
        protocol.pause_writing()
        protocol.data_received(raw())
        for _ in range(200):
            if wire.aborted:
                break
            await asyncio.sleep(0.01)
        result = seen(made, responses(wire.written), server, recorder)
        protocol.connection_lost(None)
        return wire, result

    wire, result = asyncio.run(main())
    assert wire.aborted
    assert result.answers == []
    assert (result.in_flight, result.present) == (0, 0)


def test_a_fault_of_our_own_is_told_as_such_settled_and_leaves_no_connection_hanging() -> None:
    class Broken(Recorder):
        def released_digest(self, body: bytes) -> str:
            raise LookupError("secret")

    async def main() -> tuple[Wire, Gateway]:
        made = gateway(ModelServer(Answering()), Broken())
        protocol, wire, _ = connected(Http, made)
        protocol.data_received(raw())
        await settled()
        protocol.connection_lost(None)
        return wire, made

    wire, made = asyncio.run(main())
    assert b"secret" not in wire.written
    assert (made.metrics.in_flight, len(made.visits)) == (0, 0)


def test_the_gateway_takes_the_client_of_a_model_server_for_one_that_can_be_asked_at_once() -> None:
    assert gateway(Upstream("http://127.0.0.1:9"), Recorder()).prompt is not None  # type: ignore[arg-type]


def test_requests_behind_one_another_on_a_connection_are_each_answered_once() -> None:
    async def main() -> list[tuple[int, bytes]]:
        protocol, wire, _ = connected(Http, gateway(ModelServer(Answering()), Recorder()))
        protocol.data_received(raw() + raw("/nowhere") + raw(body=b"{") + raw())
        await settled()
        protocol.connection_lost(None)
        return responses(wire.written)

    answers = asyncio.run(main())
    assert [status for status, _ in answers] == [200, 404, 400, 200]
    assert json.loads(answers[0][1]) == json.loads(answers[3][1])


def test_a_credential_of_ours_is_not_passed_on_because_the_same_head_was_somebody_elses() -> None:
    async def main() -> list[bytes]:
        made = gateway(ModelServer(Answering()), Recorder())
        notes: Notes = {}
        letters = []
        for consumed in (False, True, False):
            scope = {"type": "http", "method": "POST", "path": PATH, "headers": [(b"authorization", b"Bearer token")]}
            door = AsgiDoor(scope, nobody, nothing)
            door.notes = notes
            visit = made.open(door)
            identity = Identity(Caller(Account("a"), "", "192.0.2.7", Basis.HEADER), consumed)
            letters.append(made.outgoing(visit, made.decide(visit, made.resolve(visit), identity, BODY)).letter)
            made.leave(visit)
        return letters

    assert [b"token" in letter for letter in asyncio.run(main())] == [True, False, True]


def test_an_answer_that_cannot_be_written_ends_its_connection_and_nothing_of_it_goes_out() -> None:
    split = Answering(429, headers=(*JSON, (b"retry-after", b"1\r\nx: injected")), body=b"{}")

    async def main() -> tuple[Wire, Gateway]:
        made = gateway(ModelServer(split), Recorder())
        protocol, wire, _ = connected(Http, made)
        protocol.data_received(raw())
        await settled()
        wire.hung_up = wire.closed
        protocol.connection_lost(None)
        await settled()
        return wire, made

    wire, made = asyncio.run(main())
    assert wire.hung_up
    assert b"injected" not in wire.written
    assert (made.metrics.in_flight, len(made.visits)) == (0, 0)


async def nobody() -> Event:
    return {"type": "http.disconnect"}


async def nothing(event: Event) -> None:
    return
