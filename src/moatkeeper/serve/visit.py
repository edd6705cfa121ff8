"""What is known of one request on its way through the gateway, and the parts that it meets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query
from moatkeeper.errors import UpstreamError
from moatkeeper.guard.guard import Guard
from moatkeeper.serve.door import Door
from moatkeeper.serve.identify import Identifier, Identity
from moatkeeper.serve.requests import ForwardedRequests
from moatkeeper.serve.visits import Presence
from moatkeeper.wire.base import Asked, Codec, Headers, Route, WireFormat

Fields = list[tuple[bytes, bytes]]

NOTHING_USED = Usage(rows=0)
NO_ANSWER = Answer(())


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

    async def open(self, method: str, target: bytes, headers: Fields, body: bytes) -> UpstreamReply:
        """The answer once its head is there; raises UpstreamError."""
        ...


class WholeReply(UpstreamReply, Protocol):
    """An answer that is whole, too long, or failed."""

    @property
    def complete(self) -> bool: ...
    @property
    def error(self) -> UpstreamError | None: ...
    def taken(self, limit: int) -> bytes: ...
    def abandon(self) -> None: ...


@runtime_checkable
class PromptServer(ModelServer, Protocol):
    """A model server that can be asked without waiting for a connection."""

    def letter(self, method: str, target: bytes, headers: Fields) -> bytes:
        """The head of a request without its length; raises MalformedRequest."""
        ...

    def ask(self, letter: bytes, body: bytes, *, limit: int, then: Callable[[], None]) -> WholeReply | None:
        """Sends a POST where a connection lies idle, else None. ``then`` is called once about ``limit`` bytes are there, or
        all, or none will come."""
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
class Visit:
    """One request on its way: what is known of it so far."""

    door: Door
    running: Running
    presence: Presence
    started: float
    wire: WireFormat | None = None
    route: Route | None = None
    begun: bool = False  # the response's head is out: nothing but the body may follow
    cut: bool = False  # the response was broken off
    status: int = 0


@dataclass(slots=True)
class Work:
    """One query that was decided on and what came of it, for settling and recording."""

    query: Query
    decision: Decision
    asked: Asked
    codec: Codec
    identity: Identity
    request_body: bytes
    sent_body: bytes = b""  # as the model server gets it
    usage: Usage = NOTHING_USED
    status: int = 0
    answer: Answer = NO_ANSWER
    released: Answer = NO_ANSWER
    released_body: bytes | None = None  # what the caller got, where that was whole
    released_digest: str = ""
    tokens_reserved: int = 0
    started: float = 0.0  # when it was forwarded
    span: object = None
    headers: Fields = field(default_factory=list)


class Sent(NamedTuple):
    """A request as the model server gets it, but for its body: the same for every request with the same head."""

    method: str
    target: bytes
    headers: Fields
    letter: bytes  # its head as it is written, without the length
    changes: Mapping[bytes, bytes | None]  # the format's, and
    consumed: bool  # whether the credential was ours: what the headers were made from
