"""`GET /v1/models` and below: lists and states of models, cut to their known fields.

TensorFlow Serving, KServe v1 and OpenAI-compatible servers share these paths, and the path does not tell which one answers. So
the known fields are those of all three. vLLM adds a model's path, llama.cpp its vocabulary, width and number of parameters: the
first things that somebody wants to know who builds a copy. They stay behind.
"""

from __future__ import annotations

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing
from moatkeeper.wire.documents import DELIVER_JSON, read_answer, write_answer
from moatkeeper.wire.openai_shapes import each, record, scalar_or, scalars
from moatkeeper.wire.plain import Plain

_CARD = scalars("id object created owned_by max_model_len")  # OpenAI's
_READY = scalars("name ready")  # KServe's
_VERSION = record(scalars("version state") | {"status": record(scalars("error_code error_message"))})  # TensorFlow Serving's
_KNOWN = record(
    _CARD
    | _READY
    | {"data": each(record(_CARD)), "models": each(scalar_or(record(_READY))), "model_version_status": each(_VERSION)}
)


class Models(Plain):
    """The codec of lists and states of models."""

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The parsed document; raises UnexpectedAnswer where it is not a JSON object."""
        document = read_answer(reply)
        if not isinstance(document, dict):
            raise UnexpectedAnswer("the answer about models is not a JSON object")
        return Given(Answer(()), document)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The same with its known fields only."""
        return Outgoing(write_answer(_KNOWN(given.document, contract)), DELIVER_JSON)
