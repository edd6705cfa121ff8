"""`POST /v1/completions`: what may be asked of it, and what may leave with its texts.

What may be asked is a list of known fields, as in `openai_chat`; the same fields are dropped for the same reasons. Further:

    echo            goes only where no log-probabilities are asked for: together they score any text of the caller's
    prompt_embeds   tensors that go around the tokenizer
"""

from __future__ import annotations

from dataclasses import dataclass

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, Stream
from moatkeeper.wire.openai_chat import CONSTRAINTS, SAMPLING, USAGE
from moatkeeper.wire.openai_logprobs import completion_logprobs
from moatkeeper.wire.openai_request import (
    JSON_ANSWER,
    MAX_CHOICES,
    MAX_TOKENS,
    Question,
    ask_for_usage,
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
    wants_usage,
    whole,
    write_request,
)
from moatkeeper.wire.openai_shapes import each, null, record, scalars
from moatkeeper.wire.openai_stream import ChunkStream, Dialect, stated_tokens

_FIELDS = SAMPLING | CONSTRAINTS | names("model prompt suffix n best_of max_tokens stream stream_options logprobs echo user")
_MAXIMA = ("max_tokens",)
_SCHEMAS = ("response_format", "structured_outputs", "guided_json", "json_schema")
_ANSWER = record(
    scalars("id object created model")
    | {
        "system_fingerprint": null,
        "usage": USAGE,
        "choices": each(record(scalars("index text finish_reason") | {"logprobs": completion_logprobs})),
    }
)


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one request: texts, or lists of token ids, and their tokens together."""

    kind: InputKind
    rows: tuple[object, ...]
    tokens: int


def read_prompts(value: object, name: str) -> Prompts:
    """A string, a list of strings, token ids, or a list of those; raises MalformedRequest for anything else."""
    if isinstance(value, str):
        return Prompts(InputKind.TEXTS, (value,), in_tokens(text_bytes(value)))
    if isinstance(value, list) and value:
        kinds = {type(item) for item in value}
        if kinds == {str}:
            return Prompts(InputKind.TEXTS, tuple(value), sum(in_tokens(text_bytes(item)) for item in value))
        if kinds == {int}:
            return Prompts(InputKind.OPAQUE, (value,), len(value))
        if kinds == {list} and all(item and {type(token) for token in item} == {int} for item in value):
            return Prompts(InputKind.OPAQUE, tuple(value), sum(len(item) for item in value))
    found = "an empty list" if value == [] else kind_of(value)
    raise MalformedRequest(f"{name} is {found}, expected a string, a list of strings, or lists of token ids")


@dataclass(frozen=True, slots=True)
class CompletionsCodec:
    """Completions, whole or streamed."""

    def read(self, route: Route, message: Message) -> Asked:
        """One row a prompt and choice, and the tokens of the prompts and of everything that may be generated."""
        fields = read_fields(message, _FIELDS)
        prompts = read_prompts(fields.get("prompt"), "prompt")
        choices = whole(fields, "n", 1, MAX_CHOICES) or 1
        drawn = max(choices, whole(fields, "best_of", 1, MAX_CHOICES) or 1)
        generated = max_tokens(fields, _MAXIMA)
        flag(fields, "echo")
        whole(fields, "logprobs", 0, MAX_TOKENS)
        prompt_tokens = prompts.tokens + in_tokens(schema_bytes(fields, _SCHEMAS) + text_bytes(fields.get("suffix")))
        return Asked(
            route,
            model_name(fields),
            Inputs(prompts.kind, len(prompts.rows) * choices, prompts.rows * choices),
            prompt_tokens + len(prompts.rows) * drawn * generated,
            stream=flag(fields, "stream"),
            document=Question(fields, prompt_tokens, wants_usage(fields)),
        )

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The known fields, clamped to the contract; usage is asked for on every stream."""
        fields = dict(question(asked).fields)
        if not contract.log_probabilities:
            fields.pop("logprobs", None)
        clamp(fields, "logprobs", contract.top_log_probabilities)
        if fields.get("logprobs") is not None:
            fields.pop("echo", None)
        clamp(fields, "n", contract.max_choices)
        clamp(fields, "best_of", contract.max_choices)
        clamp_max_tokens(fields, _MAXIMA, contract)
        coarsen(fields, contract)
        ask_for_usage(fields)
        return write_request(fields)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The parsed answer, and the tokens it cost."""
        document = load_answer(reply.body)
        choices = document.get("choices")
        if not isinstance(choices, list):
            raise UnexpectedAnswer("the answer has no list of choices")
        tokens = stated_tokens(document.get("usage"))
        if not tokens:
            size = sum(_text_bytes(choice) for choice in choices if isinstance(choice, dict))
            tokens = question(asked).prompt_tokens + in_tokens(size)
        return Given(Answer((), tokens), document)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The answer's known fields, with the log-probabilities that the contract promises or none."""
        return Outgoing(dump_answer(_ANSWER(given.document, contract)), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """The same for chunks."""
        return ChunkStream(_DIALECT, question(asked), asked.model, contract)


def _text_bytes(choice: dict[str, object]) -> int:
    text = choice.get("text")
    return text_bytes(text) if isinstance(text, str) else 0


_DIALECT = Dialect(
    _ANSWER,
    _text_bytes,
    {"id": "cmpl-0", "object": "text_completion", "created": 0, "model": ""},
    {"text": "", "logprobs": None, "finish_reason": "length"},
)
