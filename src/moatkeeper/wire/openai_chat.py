"""`POST /v1/chat/completions`: what may be asked of it, and what may leave in its messages.

What may be asked is a list of known fields; every other field is dropped on the way in. Dropped on purpose:

    logit_bias                                   bisecting a bias gives exact log-probabilities without being told any
    allowed_token_ids, bad_words                 masking token by token walks the ranking of the next token
    prompt_logprobs, logprob_token_ids, n_probs, post_sampling_probs, completion_probabilities     scores by other names
    return_token_ids, return_tokens_as_token_ids, return_tokens, return_prompt_text, echo          tokenizer and template
    chat_template, mm_processor_kwargs, media_io_kwargs, vllm_xargs       run the caller's template or settings in the server
    watermarking                                 a caller does not switch marks off
    priority, service_tier, request_id, session_id, id_slot, cache_prompt, lora, kv_transfer_params, ec_transfer_params
                                                 scheduling, other callers' state and the server's inside
    n_predict, use_beam_search, stream_interval, repetition_detection     other names for what is clamped or counted here
    response_fields, timings_per_token, return_progress, routed_experts_prompt_start               undeclared outputs
    store, metadata                              keep answers for distillation where this gateway does not see them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, Stream
from moatkeeper.wire.openai_logprobs import chat_logprobs
from moatkeeper.wire.openai_request import (
    JSON_ANSWER,
    MAX_CHOICES,
    MAX_TOKENS,
    MESSAGE_BYTES,
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
from moatkeeper.wire.openai_shapes import each, null, record, scalar, scalar_or, scalars
from moatkeeper.wire.openai_stream import ChunkStream, Dialect, stated_tokens

SAMPLING = names(
    "temperature top_p top_k min_p typical_p seed stop stop_token_ids frequency_penalty presence_penalty repetition_penalty"
    " repeat_penalty repeat_last_n length_penalty min_tokens ignore_eos skip_special_tokens spaces_between_special_tokens"
    " include_stop_str_in_output truncate_prompt_tokens truncation_side add_special_tokens dynatemp_range dynatemp_exponent"
    " mirostat mirostat_tau mirostat_eta dry_multiplier dry_base dry_allowed_length dry_penalty_last_n dry_sequence_breakers"
    " xtc_probability xtc_threshold thinking_token_budget cache_salt"
)
"""How tokens are drawn, in vLLM's and llama.cpp's names as well: one draw an answer, whatever these say."""

CONSTRAINTS = names(
    "response_format structured_outputs guided_json guided_regex guided_choice guided_grammar grammar json_schema"
)
"""Constrained decoding: tells no more than the ranking of whole texts, one answer a pair."""

_FIELDS = (
    SAMPLING
    | CONSTRAINTS
    | names(
        "model messages n max_tokens max_completion_tokens stream stream_options logprobs top_logprobs tools tool_choice"
        " parallel_tool_calls functions function_call reasoning_effort verbosity modalities audio prediction web_search_options"
        " user safety_identifier prompt_cache_key prompt_cache_retention include_reasoning reasoning_format"
        " add_generation_prompt continue_final_message documents chat_template_kwargs"
    )
)
_TEMPLATE_FIELDS = frozenset({"enable_thinking", "thinking", "thinking_budget", "reasoning_effort"})
_PARTS = names(
    "text refusal image_url input_audio audio_url video_url file thinking reasoning input_text input_image input_file"
    " output_text reasoning_text summary_text tool_result"
)
_PLAIN_FIELDS = 2  # role and content, as most messages are: spares them the walk
_BARE = Contract()
_MAXIMA = ("max_completion_tokens", "max_tokens")
_SCHEMAS = ("tools", "functions", "response_format", "structured_outputs", "guided_json", "json_schema", "documents")

USAGE = record(
    scalars("prompt_tokens completion_tokens total_tokens")
    | {
        "prompt_tokens_details": record(scalars("audio_tokens cache_write_tokens cached_tokens image_tokens text_tokens")),
        "completion_tokens_details": record(
            scalars("accepted_prediction_tokens audio_tokens reasoning_tokens rejected_prediction_tokens text_tokens")
        ),
    }
)
_FUNCTION = record(scalars("name arguments"))
_MESSAGE = record(
    scalars("role refusal reasoning reasoning_content")
    | {
        "content": scalar_or(each(record(scalars("type text refusal")))),
        "annotations": each(record({"type": scalar, "url_citation": record(scalars("end_index start_index title url"))})),
        "audio": record(scalars("id data expires_at transcript")),
        "function_call": _FUNCTION,
        "tool_calls": each(record(scalars("id type index") | {"function": _FUNCTION, "custom": record(scalars("name input"))})),
    }
)
_CHOICE = {"index": scalar, "finish_reason": scalar, "logprobs": chat_logprobs}
# The fingerprint tells when the model behind the name changes: what somebody wants to know who keeps a copy fresh.
_TOP = scalars("id object created model service_tier") | {"system_fingerprint": null, "usage": USAGE}
_ANSWER = record(_TOP | {"choices": each(record(_CHOICE | {"message": _MESSAGE}))})
_CHUNK = record(_TOP | {"obfuscation": scalar, "choices": each(record(_CHOICE | {"delta": _MESSAGE}))})


@dataclass(frozen=True, slots=True)
class ChatCodec:
    """Chat completions, whole or streamed."""

    def read(self, route: Route, message: Message) -> Asked:
        """One row a choice asked for, and the tokens of the prompt and of everything that may be generated."""
        fields = read_fields(message, _FIELDS)
        prompt = in_tokens(_prompt_bytes(fields))
        choices = whole(fields, "n", 1, MAX_CHOICES) or 1
        generated = max_tokens(fields, _MAXIMA)
        flag(fields, "logprobs")
        whole(fields, "top_logprobs", 0, MAX_TOKENS)
        inputs = Inputs(InputKind.CHATS, choices, (fields["messages"],) * choices)
        document = Question(fields, prompt, wants_usage(fields))
        return Asked(
            route, model_name(fields), inputs, prompt + choices * generated, stream=flag(fields, "stream"), document=document
        )

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The known fields, clamped to the contract; usage is asked for on every stream."""
        fields = dict(question(asked).fields)
        if contract.log_probabilities:
            clamp(fields, "top_logprobs", contract.top_log_probabilities)
        else:
            fields.pop("logprobs", None)
            fields.pop("top_logprobs", None)
        clamp(fields, "n", contract.max_choices)
        clamp_max_tokens(fields, _MAXIMA, contract)
        coarsen(fields, contract)
        if "chat_template_kwargs" in fields:
            fields["chat_template_kwargs"] = _template_fields(fields["chat_template_kwargs"])
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
            tokens = question(asked).prompt_tokens + in_tokens(text_bytes(_ANSWER({"choices": choices}, _BARE)))
        return Given(Answer((), tokens), document)

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The answer's known fields, with the log-probabilities that the contract promises or none."""
        return Outgoing(dump_answer(_ANSWER(given.document, contract)), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """The same for chunks."""
        return ChunkStream(_DIALECT, question(asked), asked.model, contract)


def _prompt_bytes(fields: Mapping[str, object]) -> int:
    """Bytes that the messages and schemas put into the prompt; raises MalformedRequest for messages of another form."""
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        found = "an empty list" if messages == [] else kind_of(messages)
        raise MalformedRequest(f"messages is {found}, expected a list of messages")
    size = 0
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise MalformedRequest(f"messages[{place}] is not an object with a role")
        content = message.get("content")
        size += MESSAGE_BYTES
        if type(content) is str and len(message) == _PLAIN_FIELDS:
            size += len(content) if content.isascii() else len(content.encode())
            continue
        check_parts(content, f"messages[{place}]")
        size += text_bytes(message)
    return size + schema_bytes(fields, _SCHEMAS)


def check_parts(content: object, place: str) -> None:
    """Refuses content of another form than text or known parts.

    Embedded tensors, which vLLM takes as parts, go around tokenizer and template; a part cannot be dropped unseen.
    """
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise MalformedRequest(f"{place}.content is {kind_of(content)}, expected a string or a list of parts")
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, str) and (not isinstance(kind, str) or kind not in _PARTS):
            raise MalformedRequest(f"{place}.content has a part of an unknown type")


def _template_fields(value: object) -> dict[str, object]:
    """The switches of a chat template that say how much to think; others reach into the template's rendering."""
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if name in _TEMPLATE_FIELDS and isinstance(item, (bool, int, str))}


def _delta_bytes(choice: dict[str, object]) -> int:
    """Bytes of everything generated in one delta; its role is not."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return 0
    return sum(text_bytes(value) for name, value in delta.items() if value and name != "role")


_DIALECT = Dialect(
    _CHUNK,
    _delta_bytes,
    {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": ""},
    {"delta": {}, "logprobs": None, "finish_reason": "length"},
)
