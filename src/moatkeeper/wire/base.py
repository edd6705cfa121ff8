"""What every wire format does: read a request, strip it, read the answer, write less of it.

One request goes through a format in this order; every step is pure:

    route   = match(method, path)                which format, which operation, or RouteRefused
    asked   = format.read(route, message)        bytes -> rows, outputs asked for, cost; raises RequestError
    forward = format.forward(asked, contract)    the request as the model server will see it: nothing asked for that
                                                 may not be had
    given   = format.answer(asked, reply)        the server's bytes -> Answer; raises UnexpectedAnswer
    out     = format.deliver(given, released, contract)     the released Answer in the protocol's own form

or, where the answer is a stream of events,

    stream  = format.stream(asked, contract)
    bytes   = stream.feed(chunk) ... stream.finish()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import Inputs
from moatkeeper.core.quick import quick

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in the order of the wire, names in lower case: what ASGI hands over."""


class Purpose(StrEnum):
    """What a route is for, which decides how it is guarded."""

    INFER = "infer"  # asks the model: admitted, charged, minimised, recorded
    READ = "read"  # gives an old answer again (a stored response): admitted, charged one request, minimised, recorded
    PLAIN = "plain"  # health and metadata that reveal no answer: filtered by the format, charged to nobody


@dataclass(frozen=True, slots=True)
class Route:
    """One declared way in: which format serves it, what it does, and the model that the path names (or empty)."""

    format: str
    operation: str
    purpose: Purpose
    model: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer as bytes: what came in, or what is to go out. ``status`` is 0 on requests."""

    headers: Headers
    body: bytes
    status: int = 0

    def header(self, name: bytes) -> bytes:
        """The first value of a header, stripped, or empty; ``name`` in lower case."""
        for key, value in self.headers:
            if key == name:
                return value.strip()
        return b""


@quick
@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood. ``document`` is the format's own parsed form, handed back to it and to nobody else."""

    route: Route
    model: str
    inputs: Inputs
    tokens: int = 0  # upper bound of what may be read and generated; 0: the model is not metered in tokens
    outputs: frozenset[str] = frozenset()  # asked for by name; empty: the server's own choice
    stream: bool = False
    document: object = None


@quick
@dataclass(frozen=True, slots=True)
class Given:
    """An answer, understood: the values that policies work on, and the document that they go back into."""

    answer: Answer
    document: object = None


@quick
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rewritten message. ``headers`` replace or add fields; a value of ``None`` removes the field.

    Content-Length is set by whoever sends it. ``body`` of ``None`` means: unchanged.
    """

    body: bytes | None
    headers: Mapping[bytes, bytes | None] = field(default_factory=dict)


class Stream(Protocol):
    """Minimises one streamed answer, event by event, without holding back whole events."""

    @property
    def tokens(self) -> int:
        """Tokens passed on so far: the server's own count where it gives one, else one a content event."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now, possibly none; raises UnexpectedAnswer for what is not of the format."""
        ...

    def finish(self) -> bytes:
        """The rest at the end of the stream; raises UnexpectedAnswer where it ends inside an event."""
        ...

    def cut(self) -> bytes:
        """A well-formed end of the stream where a budget ran out: finish reason ``length`` and the protocol's end mark."""
        ...


class WireFormat(Protocol):
    """One protocol family. Implementations are stateless: one object serves all requests."""

    @property
    def name(self) -> str:
        """The name in the registry, in the configuration and in the ledger."""
        ...

    def match(self, method: str, path: str) -> Route | None:
        """The route for a method and a decoded path, or None where the format does not declare the path.

        Raises MethodRefused for a declared path with another method.
        """
        ...

    def codec(self, route: Route) -> Codec:
        """What reads and writes the bodies of this route."""
        ...

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """An error body in the shape that the protocol's clients expect (always JSON); ``message`` is shown to the caller."""
        ...


class Codec(Protocol):
    """Reads and writes the bodies of one operation."""

    def read(self, route: Route, message: Message) -> Asked:
        """The request, understood; raises MalformedRequest or UnsupportedMedia."""
        ...

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request stripped of what may not be asked for, and clamped to the contract."""
        ...

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The server's answer, understood; raises UnexpectedAnswer. Called for 2xx answers only."""
        ...

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The answer with only the released outputs in it, and without undeclared fields."""
        ...

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """A filter for the streamed answer; only called where ``asked.stream`` is true."""
        ...


def media_type(message: Message) -> str:
    """The media type of a body in lower case without parameters; empty where none is given."""
    return message.header(b"content-type").split(b";", 1)[0].strip().decode("latin-1").lower()


def media_parameters(message: Message) -> Mapping[str, str]:
    """The parameters of the Content-Type (such as charset), names in lower case, quotes removed."""
    parameters: dict[str, str] = {}
    for piece in message.header(b"content-type").decode("latin-1").split(";")[1:]:
        name, separator, value = piece.partition("=")
        if separator:
            parameters[name.strip().lower()] = value.strip().strip('"')
    return parameters
