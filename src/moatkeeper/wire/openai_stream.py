"""A streamed answer of chat or completions, minimised chunk by chunk as it passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from moatkeeper.core.contract import Contract
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.openai_request import Question, dump_answer, load_answer
from moatkeeper.wire.openai_shapes import Shape, error_text
from moatkeeper.wire.sse import COMMENT, Event, EventReader, write_event

_BYTES_A_DELTA = 4
"""A delta holds one token, or one every four bytes where a server sends several at once."""

_END = b"[DONE]"


class EventStream(ABC):
    """Passes on whole events as they come. A fault ends the stream after all that was sound before it, however it was cut."""

    def __init__(self) -> None:
        self._reader = EventReader()
        self._failure: UnexpectedAnswer | None = None
        self._ended = False

    @property
    @abstractmethod
    def tokens(self) -> int:
        """Tokens passed on so far."""

    @abstractmethod
    def cut(self) -> bytes:
        """A well-formed end of the stream."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that this chunk completes, minimised; raises UnexpectedAnswer once nothing sound is left to give."""
        if self._failure is not None:
            raise self._failure
        passed: list[bytes] = []
        try:
            for event in self._reader.feed(chunk):
                passed.append(self._pass(event))
        except UnexpectedAnswer as failure:
            self._failure = failure
            if not any(passed):
                raise
        return b"".join(passed)

    def finish(self) -> bytes:
        """Nothing, or the end mark where only its blank line is missing; raises UnexpectedAnswer inside an event."""
        if self._failure is not None:
            raise self._failure
        pending = self._reader.pending
        if not pending or self._ended:
            return b""
        if pending == b"data: " + _END:
            return self._pass(Event(b"", _END))
        raise UnexpectedAnswer(f"the stream ends inside an event, after {len(pending)} bytes of it")

    def _pass(self, event: Event) -> bytes:
        """One event on its way through; nothing after the end mark."""
        if self._ended:
            return b""
        if event.data is None:
            return COMMENT
        if event.data == _END:
            self._ended = True
            return write_event(_END)
        return self._minimise(event.name, load_answer(event.data))

    @abstractmethod
    def _minimise(self, name: bytes, document: dict[str, object]) -> bytes:
        """The bytes that go out for one event."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the chunks of chat and of completions."""

    shape: Shape
    text_bytes: Callable[[dict[str, object]], int]  # of one choice, after its shape
    envelope: Mapping[str, object]  # of a chunk of our own, before the server sent one
    closing: Mapping[str, object]  # of a choice that ends here, beside its index


class ChunkStream(EventStream):
    """Chunks with ``choices``: log-probabilities and unknown fields out, tokens counted, usage only to who asked for it."""

    def __init__(self, dialect: Dialect, asked: Question, model: str, contract: Contract) -> None:
        super().__init__()
        self._dialect = dialect
        self._asked = asked
        self._contract = contract
        self._envelope: dict[str, object] = {**dialect.envelope, "model": model}
        self._open: dict[object, bool] = {}
        self._counted = 0
        self._stated = 0

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens: the server's count where it gave one, else the estimate plus the deltas so far."""
        if self._stated:
            return self._stated
        return self._counted + self._asked.prompt_tokens if self._counted else 0

    def cut(self) -> bytes:
        """A chunk that ends every open choice with ``length``, and the end mark; nothing after the end."""
        if self._ended:
            return b""
        self._ended = True
        indices = [index for index, is_open in self._open.items() if is_open] if self._open else [0]
        if not indices:
            return write_event(_END)
        choices = [{"index": index, **self._dialect.closing} for index in indices]
        return write_event(dump_answer({**self._envelope, "choices": choices})) + write_event(_END)

    def _minimise(self, name: bytes, document: dict[str, object]) -> bytes:
        if "error" in document:
            return write_event(error_body(document["error"]), b"error" if name == b"error" else b"")
        if not isinstance(document.get("choices"), list):
            raise UnexpectedAnswer("a chunk without a list of choices")
        chunk = self._dialect.shape(document, self._contract)
        if not isinstance(chunk, dict):
            raise UnexpectedAnswer("a chunk that is not an object")
        for field in self._envelope:
            if field in chunk:
                self._envelope[field] = chunk[field]
        for choice in chunk["choices"]:
            if choice is not None:
                self._count(choice)
        if "usage" in chunk:
            self._stated = max(self._stated, stated_tokens(chunk["usage"]))
            if not self._asked.wants_usage:
                usage = chunk.pop("usage")
                if usage is not None and not chunk["choices"]:
                    return b""  # the chunk that only we asked for
        return write_event(dump_answer(chunk))

    def _count(self, choice: dict[str, object]) -> None:
        self._counted += delta_tokens(self._dialect.text_bytes(choice))
        self._open[choice.get("index", 0)] = choice.get("finish_reason") is None


def delta_tokens(size: int) -> int:
    """Tokens in a delta of ``size`` bytes, at least one unless it is empty."""
    return max(1, size // _BYTES_A_DELTA) if size else 0


def error_body(error: object) -> bytes:
    """An error inside a stream, with nothing but its message."""
    text = error_text(error.get("message") if isinstance(error, dict) else error)
    return orjson.dumps({"error": {"message": text, "type": "server_error", "param": None, "code": None}})


def stated_tokens(usage: object) -> int:
    """The server's own total; 0 where it gives none."""
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and total > 0 else 0
