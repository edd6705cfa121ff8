"""Model lists and health: passed on, less what describes the architecture of the model or its server."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, Stream

# vLLM adds `root` (a path) and `permission`, llama.cpp adds `meta` with the vocabulary, the width and the parameter count:
# the first things that somebody wants to know who builds a copy.
_MODEL_FIELDS = frozenset({"id", "object", "created", "owned_by", "max_model_len"})
_SCALARS = frozenset({str, int, float, bool, type(None)})
_JSON = {b"content-type": b"application/json"}


@dataclass(frozen=True, slots=True)
class ModelsCodec:
    """Reads nothing, and gives back the names of the models."""

    def read(self, route: Route, message: Message) -> Asked:
        """A request without rows."""
        return Asked(route, route.model, Inputs(InputKind.OPAQUE, rows=0))

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request without a body."""
        return Outgoing(b"")

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The parsed list of models, or the one model asked for."""
        try:
            document = orjson.loads(reply.body)
        except orjson.JSONDecodeError as error:
            raise UnexpectedAnswer(f"the list of models is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise UnexpectedAnswer(f"the list of models is not a JSON object but a {type(document).__name__}")
        return Given(Answer(()), document)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same with names, dates and owners only."""
        document = given.document
        if not isinstance(document, dict):
            raise TypeError("deliver needs the document that answer gave")
        data = document.get("data")
        if isinstance(data, list):
            kept: object = {"object": "list", "data": [_model(entry) for entry in data if isinstance(entry, dict)]}
        else:
            kept = _model(document)
        return Outgoing(orjson.dumps(kept), _JSON)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """Never: a list of models does not come as a stream."""
        raise UnexpectedAnswer("an event stream where a list of models was asked for")


@dataclass(frozen=True, slots=True)
class HealthCodec:
    """Reads nothing, and gives back a status word at most."""

    def read(self, route: Route, message: Message) -> Asked:
        """A request without rows."""
        return Asked(route, "", Inputs(InputKind.OPAQUE, rows=0))

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request without a body."""
        return Outgoing(b"")

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The status word, where the server says one in JSON; its HTTP status says the rest."""
        try:
            document = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return Given(Answer(()))
        status = document.get("status") if isinstance(document, dict) else None
        return Given(Answer(()), status if isinstance(status, str) else None)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The status word alone, without counts of slots or requests."""
        if given.document is None:
            return Outgoing(b"")
        return Outgoing(orjson.dumps({"status": given.document}), _JSON)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """Never: health does not come as a stream."""
        raise UnexpectedAnswer("an event stream where a health check was asked for")


def _model(entry: dict[str, object]) -> dict[str, object]:
    """One model card with its harmless fields."""
    return {name: value for name, value in entry.items() if name in _MODEL_FIELDS and type(value) in _SCALARS}
