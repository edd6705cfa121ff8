"""Routes without an answer in them, such as health and metadata: passed on as they are."""

from __future__ import annotations

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route
from moatkeeper.wire.documents import Unary


class Plain(Unary):
    """The codec of PLAIN routes: no rows, no outputs, every byte unchanged."""

    def read(self, route: Route, message: Message) -> Asked:
        """No rows."""
        return Asked(route, route.model, Inputs(InputKind.OPAQUE, 0))

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request unchanged."""
        return Outgoing(None)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """No outputs."""
        return Given(Answer(()))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The answer unchanged."""
        return Outgoing(None)
