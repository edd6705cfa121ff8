"""`/v1/responses`: making a response, whole or streamed, and reading, cancelling or deleting a stored one.

What may be asked is a list of known fields, as in `openai_chat`; the same fields are dropped for the same reasons. Further:

    include                     without `message.output_text.logprobs` and `reasoning.encrypted_content`
    previous_response, previous_input_messages, enable_response_messages      rendered prompts and token ids of vLLM's
    context_management          leads to items that only the server can read

A stored response is known by its id alone: who has the id may read it. It is minimised as when it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, Stream
from moatkeeper.wire.openai_chat import SAMPLING, check_parts
from moatkeeper.wire.openai_request import (
    JSON_ANSWER,
    MAX_TOKENS,
    MESSAGE_BYTES,
    Question,
    clamp,
    clamp_max_tokens,
    coarsen,
    dump_answer,
    flag,
    in_tokens,
    kind_of,
    load_answer,
    max_tokens,
    model_name,
    names,
    question,
    read_fields,
    schema_bytes,
    text_bytes,
    whole,
    write_request,
)
from moatkeeper.wire.openai_responses_shapes import RESPONSE
from moatkeeper.wire.openai_responses_stream import ResponseStream
from moatkeeper.wire.openai_shapes import record, scalars
from moatkeeper.wire.openai_stream import stated_tokens

_FIELDS = SAMPLING | names(
    "model input instructions max_output_tokens max_tool_calls metadata parallel_tool_calls previous_response_id conversation"
    " prompt prompt_cache_key prompt_cache_retention reasoning safety_identifier store stream stream_options text tool_choice"
    " tools top_logprobs truncation user background include structured_outputs"
)
_MAXIMA = ("max_output_tokens",)
_SCHEMAS = ("tools", "text", "prompt", "structured_outputs")
_LOG_PROBABILITIES = "message.output_text.logprobs"
_INCLUDES = names(
    "file_search_call.results web_search_call.results web_search_call.action.sources message.input_image.image_url"
    " computer_call_output.output.image_url code_interpreter_call.outputs"
)
_UNFINISHED = frozenset({"queued", "in_progress"})
_BARE = Contract()
_DELETED = record(scalars("id object deleted"))
_NOTHING_ASKED = Question({}, 0)


@dataclass(frozen=True, slots=True)
class ResponsesCodec:
    """A new response."""

    def read(self, route: Route, message: Message) -> Asked:
        """One row, and the tokens of the prompt and of everything that may be generated."""
        fields = read_fields(message, _FIELDS)
        prompt = in_tokens(_prompt_bytes(fields))
        generated = max_tokens(fields, _MAXIMA)
        whole(fields, "top_logprobs", 0, MAX_TOKENS)
        flag(fields, "background")
        include = fields.get("include")
        if include is not None and not isinstance(include, list):
            raise MalformedRequest(f"include is {kind_of(include)}, expected a list")
        asked = fields.get("input")
        kind = InputKind.CHATS if isinstance(asked, list) else InputKind.TEXTS if asked is not None else InputKind.OPAQUE
        return Asked(
            route,
            model_name(fields),
            Inputs(kind, 1, (asked,)),
            prompt + generated,
            stream=flag(fields, "stream"),
            document=Question(fields, prompt),
        )

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The known fields, clamped to the contract."""
        fields = dict(question(asked).fields)
        allowed = _INCLUDES
        if contract.log_probabilities:
            allowed = allowed | {_LOG_PROBABILITIES}
            clamp(fields, "top_logprobs", contract.top_log_probabilities)
        else:
            fields.pop("top_logprobs", None)
        include = fields.get("include")
        if isinstance(include, list):
            fields["include"] = [name for name in include if isinstance(name, str) and name in allowed]
        clamp_max_tokens(fields, _MAXIMA, contract)
        coarsen(fields, contract)
        _keep_obfuscation(fields)
        return write_request(fields)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The parsed response and the tokens it cost: all that was reserved where it is still being made."""
        document = _response(reply)
        tokens = stated_tokens(document.get("usage"))
        if document.get("status") in _UNFINISHED:
            tokens = max(tokens, asked.tokens)
        if not tokens:
            tokens = question(asked).prompt_tokens + _generated(document)
        return Given(Answer((), tokens), document)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The response's known fields, with the log-probabilities that the contract promises or none."""
        return Outgoing(dump_answer(RESPONSE(given.document, contract)), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """The same for events."""
        background = question(asked).fields.get("background") is True
        return ResponseStream(question(asked), asked.model, contract, at_least=asked.tokens if background else 0)


@dataclass(frozen=True, slots=True)
class StoredCodec:
    """A response made before: no rows and no tokens, which were charged when it was made."""

    def read(self, route: Route, message: Message) -> Asked:
        """A request without rows."""
        return Asked(route, "", Inputs(InputKind.OPAQUE, rows=0), document=_NOTHING_ASKED)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request without a body."""
        return Outgoing(b"", {b"accept-encoding": b"identity"})

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The parsed response."""
        return Given(Answer(()), _response(reply))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The response's known fields, as when it was made."""
        return Outgoing(dump_answer(RESPONSE(given.document, contract)), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """A replay of its events; counts no tokens."""
        return ResponseStream(_NOTHING_ASKED, "", contract, metered=False)


@dataclass(frozen=True, slots=True)
class DeletedCodec:
    """The end of a stored response."""

    def read(self, route: Route, message: Message) -> Asked:
        """A request without rows."""
        return Asked(route, "", Inputs(InputKind.OPAQUE, rows=0), document=_NOTHING_ASKED)

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The request without a body."""
        return Outgoing(b"", {b"accept-encoding": b"identity"})

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The server's receipt."""
        return Given(Answer(()), load_answer(reply.body))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The receipt: which id, and that it is gone."""
        return Outgoing(dump_answer(_DELETED(given.document, contract)), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """Never: a receipt does not come as a stream."""
        raise UnexpectedAnswer("an event stream where a receipt was asked for")


def _prompt_bytes(fields: Mapping[str, object]) -> int:
    """Bytes that input, instructions and schemas put into the prompt; raises MalformedRequest for input of another form."""
    asked = fields.get("input")
    size = text_bytes(fields.get("instructions")) + schema_bytes(fields, _SCHEMAS)
    if isinstance(asked, str):
        return size + text_bytes(asked) + MESSAGE_BYTES
    if isinstance(asked, list) and asked:
        for place, item in enumerate(asked):
            if not isinstance(item, dict):
                raise MalformedRequest(f"input[{place}] is {kind_of(item)}, expected an object")
            check_parts(item.get("content"), f"input[{place}]")
            size += text_bytes(item) + MESSAGE_BYTES
        return size
    if asked is None and any(fields.get(name) is not None for name in ("prompt", "previous_response_id", "conversation")):
        return size
    found = "an empty list" if asked == [] else kind_of(asked)
    raise MalformedRequest(f"input is {found}, expected a string or a list of items")


def _generated(document: dict[str, object]) -> int:
    """Tokens in the items of a response, as estimated from what may go out of them."""
    try:
        return in_tokens(text_bytes(RESPONSE({"output": document.get("output")}, _BARE)))
    except MalformedRequest:
        raise UnexpectedAnswer("the answer is nested too deeply") from None


def _keep_obfuscation(fields: dict[str, object]) -> None:
    """Leaves the one option that a stream of events has: padding against reading token lengths off the wire."""
    options = fields.pop("stream_options", None)
    if isinstance(options, dict) and isinstance(options.get("include_obfuscation"), bool):
        fields["stream_options"] = {"include_obfuscation": options["include_obfuscation"]}


def _response(reply: Message) -> dict[str, object]:
    """The server's response object; raises UnexpectedAnswer for anything else."""
    document = load_answer(reply.body)
    if not isinstance(document.get("output"), list):
        raise UnexpectedAnswer("the answer has no list of output items")
    return document
