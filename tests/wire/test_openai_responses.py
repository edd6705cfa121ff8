from __future__ import annotations

import orjson
import pytest
from openai.types.responses import ResponseErrorEvent, ResponseIncompleteEvent

from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Message, Purpose, Route
from moatkeeper.wire.openai_request import UNSTATED_TOKENS
from moatkeeper.wire.openai_responses import ResponsesCodec, StoredCodec

CODEC = ResponsesCodec()
ROUTE = Route("openai", "responses", Purpose.INFER)
LOGPROBS = "message.output_text.logprobs"
PROMPT = 14  # 30 bytes of text and 12 for the template, at 3 bytes a token
FRAME = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m2",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "status": "in_progress",
}
ITEM = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
}


def read(**fields: object) -> Asked:
    return CODEC.read(ROUTE, Message((), orjson.dumps({"model": "m", "input": "x" * 30, **fields})))


def forwarded(contract: Contract, **fields: object) -> dict[str, object]:
    document = orjson.loads(CODEC.forward(read(**fields), contract).body or b"")
    assert isinstance(document, dict)
    del document["model"], document["input"]
    return document


def event(kind: str, number: int, **fields: object) -> bytes:
    return f"event: {kind}\n".encode() + b"data: " + orjson.dumps({"type": kind, "sequence_number": number, **fields}) + b"\n\n"


def test_a_request_is_one_row_and_reserves_what_may_be_generated() -> None:
    asked = read(max_output_tokens=20)
    assert (asked.inputs.kind, asked.inputs.rows, asked.tokens) == (InputKind.TEXTS, 1, PROMPT + 20)
    items = read(input=[{"role": "user", "content": [{"type": "input_text", "text": "x"}]}])
    assert items.inputs.kind is InputKind.CHATS
    continued = CODEC.read(ROUTE, Message((), b'{"previous_response_id": "resp_1"}'))
    assert (continued.inputs.kind, continued.inputs.rows, continued.tokens) == (InputKind.OPAQUE, 1, UNSTATED_TOKENS)


def test_log_probabilities_and_sealed_reasoning_are_not_included() -> None:
    include = [LOGPROBS, "reasoning.encrypted_content", "file_search_call.results", "of.tomorrow", 3]
    fields = {"include": include, "top_logprobs": 20, "logit_bias": {"1": 5}, "enable_response_messages": True}
    assert forwarded(Contract(), **fields) == {"include": ["file_search_call.results"]}
    assert forwarded(FULL_OUTPUT, **fields) == {"include": [LOGPROBS, "file_search_call.results"], "top_logprobs": 20}
    few = Contract(log_probabilities=True, top_log_probabilities=1, max_tokens=5)
    assert forwarded(few, **fields, max_output_tokens=9)["top_logprobs"] == 1
    assert forwarded(few, max_output_tokens=9) == {"max_output_tokens": 5}
    assert forwarded(Contract(), stream_options={"include_obfuscation": False, "x": 1}) == {
        "stream_options": {"include_obfuscation": False}
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"input": None},
        {"input": []},
        {"input": 3},
        {"input": ["x"]},
        {"input": [{"role": "user", "content": [{"type": "prompt_embeds"}]}]},
        {"include": "all"},
        {"background": "yes"},
        {"stream": "yes"},
        {"max_output_tokens": 0},
        {"top_logprobs": -1},
    ],
)
def test_a_bad_request_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedRequest):
        read(**fields)


def test_tokens_are_the_servers_count_else_an_estimate_else_all_that_was_reserved() -> None:
    asked = read(background=True, max_output_tokens=500)
    for fields, expected in (
        ({"status": "completed", "usage": {"total_tokens": 9}}, 9),
        ({"status": "completed", "output": [ITEM]}, PROMPT + 15),
        ({"status": "queued"}, PROMPT + 500),  # its text is read later, for the price of a request
    ):
        reply = Message((), orjson.dumps(FRAME | fields), 200)
        assert CODEC.answer(asked, reply).answer.tokens == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output": {}}', b'{"error": {"message": "x"}}'])
def test_an_answer_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        CODEC.answer(read(), Message((), body, 200))


def test_an_answer_nested_too_deeply_is_unexpected_and_not_the_callers_fault() -> None:
    tool = b'{"name": "t", "input_schema": ' + b"[" * 200 + b"]" * 200 + b"}"
    body = b'{"output": [{"type": "mcp_list_tools", "id": "i", "tools": [' + tool + b"]}]}"
    with pytest.raises(UnexpectedAnswer, match="too deeply"):
        CODEC.answer(read(), Message((), body, 200))


def test_a_stream_counts_its_deltas_and_then_believes_the_server() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    stream.feed(event("response.created", 0, response=FRAME))
    assert stream.tokens == 0
    stream.feed(event("response.output_text.delta", 1, delta="Hi", logprobs=[]))
    stream.feed(event("response.reasoning_text.delta", 2, delta="eight by"))
    assert stream.tokens == PROMPT + 3
    stream.feed(event("response.completed", 3, response=FRAME | {"usage": {"total_tokens": 40}}))
    assert stream.tokens == 40
    assert stream.cut() == b""


def test_a_replay_counts_nothing() -> None:
    codec = StoredCodec()
    asked = codec.read(Route("openai", "responses.stored", Purpose.READ), Message((), b""))
    stream = codec.stream(asked, Contract())
    assert stream.feed(event("response.output_text.delta", 1, delta="Hi", logprobs=[]))
    stream.feed(event("response.completed", 3, response=FRAME | {"usage": {"total_tokens": 40}}))
    assert stream.tokens == 0


def test_a_cut_is_an_incomplete_response_with_what_was_done() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    stream.feed(event("response.created", 0, response=FRAME))
    stream.feed(event("response.output_item.done", 7, output_index=0, item=ITEM))
    stream.feed(event("response.output_text.delta", 8, delta="lost", logprobs=[]) + b"event: half")
    name, data = stream.cut().removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: response.incomplete"
    closing = ResponseIncompleteEvent.model_validate_json(data.removeprefix(b"data: "), strict=True)
    assert (closing.sequence_number, closing.response.id, closing.response.status) == (9, "resp_1", "incomplete")
    assert closing.response.output_text == "Hi"
    assert closing.response.incomplete_details is not None
    assert closing.response.incomplete_details.reason == "max_output_tokens"
    assert (stream.feed(event("response.completed", 9, response=FRAME)), stream.cut(), stream.finish()) == (b"", b"", b"")


def test_a_cut_before_the_first_event_is_well_formed() -> None:
    data = CODEC.stream(read(stream=True), Contract()).cut().split(b"\n")[1]
    closing = ResponseIncompleteEvent.model_validate_json(data.removeprefix(b"data: "), strict=True)
    assert closing.response.model == "m"


def test_an_error_event_keeps_its_message_only() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    out = stream.feed(event("error", 4, code="cuda", message="out of memory", param="x", trace="y"))
    error = ResponseErrorEvent.model_validate_json(out.split(b"\n")[1].removeprefix(b"data: "), strict=True)
    assert (error.message, error.code, error.param, error.sequence_number) == ("out of memory", None, None, 4)
    assert b"trace" not in out


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"type": 3}', b"{oops"])
def test_an_event_without_a_type_is_refused(data: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        CODEC.stream(read(stream=True), Contract()).feed(b"data: " + data + b"\n\n")
