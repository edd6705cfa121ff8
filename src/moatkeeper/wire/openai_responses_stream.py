"""A streamed response, minimised event by event: first the frame, then the pieces, then the whole response once more."""

from __future__ import annotations

from moatkeeper.core.contract import Contract
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.openai_request import Question, dump_answer, text_bytes
from moatkeeper.wire.openai_responses_shapes import event_shape
from moatkeeper.wire.openai_shapes import error_text
from moatkeeper.wire.openai_stream import EventStream, delta_tokens, error_body, stated_tokens
from moatkeeper.wire.sse import write_event

_INCOMPLETE = "response.incomplete"
_LAST = frozenset({"response.completed", "response.failed", _INCOMPLETE})


class ResponseStream(EventStream):
    """Typed events: unknown types and fields out, log-probabilities too, tokens counted unless it is a replay.

    ``at_least`` tokens count until the last event states the server's own number: a response that is made in the background
    goes on after its client left, and can be fetched whole. A number stated on the way is only what was made so far.
    """

    def __init__(self, asked: Question, model: str, contract: Contract, *, metered: bool = True, at_least: int = 0) -> None:
        super().__init__()
        self._at_least = at_least
        self._asked = asked
        self._contract = contract
        self._metered = metered
        self._counted = 0
        self._stated = 0
        self._sequence = -1
        self._complete = False
        self._items: dict[int, object] = {}
        self._frame: dict[str, object] = {
            "id": "resp_0",
            "object": "response",
            "created_at": 0,
            "model": model,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens: the server's count where it gave one, else the estimate plus the deltas so far."""
        if not self._metered:
            return 0
        if self._stated and (self._complete or not self._at_least):
            return self._stated
        return max(self._at_least, self._stated, self._counted + self._asked.prompt_tokens if self._counted else 0)

    def cut(self) -> bytes:
        """An incomplete response with the items that were done; nothing after the end."""
        if self._ended or self._complete:
            return b""
        self._ended = True
        response = {
            **self._frame,
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [self._items[place] for place in sorted(self._items)],
        }
        event = {"type": _INCOMPLETE, "sequence_number": self._sequence + 1, "response": response}
        return write_event(dump_answer(event), _INCOMPLETE.encode())

    def _minimise(self, name: bytes, document: dict[str, object]) -> bytes:
        kind = document.get("type")
        if kind == "error" or (kind is None and "error" in document):
            return self._error(document)
        if not isinstance(kind, str):
            raise UnexpectedAnswer("an event without a type")
        event = event_shape(document, self._contract)
        if event is None:
            return b""
        self._remember(kind, event)
        return write_event(dump_answer(event), kind.encode() if name else b"")

    def _remember(self, kind: str, event: dict[str, object]) -> None:
        """Keeps count, and what an early end would need."""
        sequence = event.get("sequence_number")
        if isinstance(sequence, int):
            self._sequence = sequence
        response = event.get("response")
        if isinstance(response, dict):
            self._frame.update(response)
            self._stated = max(self._stated, stated_tokens(response.get("usage")))
            self._complete = kind in _LAST
        elif kind.endswith(".delta"):
            self._counted += delta_tokens(text_bytes(event.get("delta")))
        elif kind == "response.output_item.done":
            place = event.get("output_index")
            if isinstance(place, int):
                self._items[place] = event.get("item")

    def _error(self, document: dict[str, object]) -> bytes:
        """An error event, with nothing but its message."""
        if "type" not in document:
            return write_event(error_body(document["error"]))
        self._sequence += 1
        number = document.get("sequence_number")
        event = {
            "type": "error",
            "sequence_number": number if isinstance(number, int) else self._sequence,
            "code": None,
            "message": error_text(document.get("message")),
            "param": None,
        }
        return write_event(dump_answer(event), b"error")
