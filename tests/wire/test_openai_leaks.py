"""Every undeclared output, filled with a marker: it never goes out, whole or streamed, unless the contract promises it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.wire.base import Asked, Message, Route
from moatkeeper.wire.openai import OpenAI

OPENAI = OpenAI()
HEADERS = ((b"content-type", b"application/json"),)
MARK = "LEAKED"
NUMBER = -7.654321
MARKS = (MARK.encode(), b"7.654321", b"7.65")

TOKEN = {"token": MARK, "logprob": NUMBER, "bytes": [76], "top_logprobs": [{"token": MARK, "logprob": NUMBER, "bytes": None}]}
CHAT_LOGPROBS = {"content": [TOKEN], "refusal": [TOKEN]}
TEXT_LOGPROBS = {"tokens": [MARK], "token_logprobs": [NUMBER], "top_logprobs": [{MARK: NUMBER}], "text_offset": [0]}

# Fields of vLLM's and llama.cpp's answers that no schema of OpenAI's knows, on whichever object they appear.
UNDECLARED = {
    "prompt_logprobs": [None, {"7": {"logprob": NUMBER, "rank": 1, "decoded_token": MARK}}],
    "prompt_token_ids": [MARK],
    "prompt_text": MARK,
    "token_ids": [MARK],
    "routed_experts": MARK,
    "kv_transfer_params": {"remote_engine_id": MARK},
    "ec_transfer_params": {"id": MARK},
    "metrics": {"first_token_time": NUMBER},
    "stop_reason": MARK,
    "matched_stop": MARK,
    "timings": {"predicted_per_second": NUMBER},
    "__verbose": {"prompt": MARK, "generation_settings": {"n_probs": NUMBER}},
    "completion_probabilities": [{"token": MARK, "logprob": NUMBER}],
    "probs": [NUMBER],
    "tokens": [MARK],
    "system_fingerprint": MARK,
    "moderation": {"output": {"category_scores": {"violence": NUMBER}}},
    "input_messages": [{"tokens": [MARK]}],
    "output_messages": [{"tokens": [MARK]}],
    "encrypted_content": MARK,
    "hidden_states": [[NUMBER]],
    "score": NUMBER,
    "a_field_of_tomorrow": {"deep": [{"deeper": MARK}]},
}
ECHOES = frozenset({"tools", "text", "metadata"})

MESSAGE = {
    "role": "assistant",
    "content": "fine",
    "reasoning": "fine",
    "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}],
    "audio": {"id": "a", "data": "d", "expires_at": 1, "transcript": "t"},
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 0}}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE}
CHAT_ANSWER = CHAT | {"choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE, "logprobs": CHAT_LOGPROBS}]}
CHAT_CHUNK = CHAT | {"choices": [{"index": 0, "finish_reason": None, "delta": MESSAGE, "logprobs": CHAT_LOGPROBS}]}
TEXT = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "usage": USAGE}
TEXT_ANSWER = TEXT | {"choices": [{"index": 0, "text": "fine", "finish_reason": "stop", "logprobs": TEXT_LOGPROBS}]}
LLAMA_ANSWER = TEXT | {"choices": [{"index": 0, "text": "fine", "finish_reason": "stop", "logprobs": CHAT_LOGPROBS}]}

PART = {
    "type": "output_text",
    "text": "fine",
    "annotations": [{"type": "file_path", "file_id": "f", "index": 0}],
    "logprobs": [TOKEN],
}
ITEM = {"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": [PART]}
REASONING = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": MARK}
SEARCH = {
    "type": "file_search_call",
    "id": "s",
    "status": "completed",
    "queries": ["q"],
    "results": [{"text": "t", "score": NUMBER}],
}
FUTURE = {"type": "an_item_of_tomorrow", "value": MARK}
RESPONSE = {
    "id": "resp",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [ITEM, REASONING, SEARCH, FUTURE],
    "tools": [],
    "text": {"format": {"type": "text"}},
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}},
}
PLACE = {"sequence_number": 1, "item_id": "i", "output_index": 0, "content_index": 0}
EVENTS = [
    {"type": "response.created", "sequence_number": 0, "response": RESPONSE},
    {"type": "response.output_item.added", **PLACE, "item": ITEM},
    {"type": "response.content_part.added", **PLACE, "part": PART},
    {"type": "response.output_text.delta", **PLACE, "delta": "fine", "logprobs": [TOKEN]},
    {"type": "response.output_text.done", **PLACE, "text": "fine", "logprobs": [TOKEN]},
    {"type": "response.content_part.done", **PLACE, "part": PART},
    {"type": "response.output_item.done", **PLACE, "item": ITEM},
    {"type": "response.an_event_of_tomorrow", **PLACE, "delta": MARK},
    {"type": "response.completed", "sequence_number": 9, "response": RESPONSE},
]


@dataclass(frozen=True, slots=True)
class Case:
    """An operation, a request to it, and the answers that it may get."""

    path: str
    request: dict[str, object]
    answers: tuple[dict[str, object], ...]
    events: tuple[dict[str, object], ...]


ASK = {"logprobs": True, "top_logprobs": 20, "stream": True, "stream_options": {"include_usage": True}}
CASES = (
    Case("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], **ASK}, (CHAT_ANSWER,), (CHAT_CHUNK,)),
    Case("/v1/completions", {"prompt": "x", **ASK, "logprobs": 5}, (TEXT_ANSWER, LLAMA_ANSWER), (TEXT_ANSWER, LLAMA_ANSWER)),
    Case(
        "/v1/responses", {"input": "x", "stream": True, "include": ["message.output_text.logprobs"]}, (RESPONSE,), tuple(EVENTS)
    ),
)


def salted(value: object, name: str = "") -> object:
    """The value with every undeclared field on every object in it, except in what echoes the caller's own words."""
    if name in ECHOES or value == {MARK: NUMBER}:  # the latter maps tokens, so that any name is one
        return value
    if isinstance(value, dict):
        return UNDECLARED | {key: salted(item, key) for key, item in value.items() if key not in UNDECLARED} | _kept(value)
    if isinstance(value, list):
        return [salted(item) for item in value]
    return value


def _kept(value: dict[str, object]) -> dict[str, object]:
    return {key: item for key, item in value.items() if key in UNDECLARED}


def outputs(case: Case, contract: Contract) -> Iterator[bytes]:
    """Everything that goes out for a case: whole answers, streams, and streams cut short."""
    route = OPENAI.match("POST", case.path)
    assert route is not None
    codec = OPENAI.codec(route)
    asked = codec.read(route, Message(HEADERS, orjson.dumps(case.request)))
    for answer in case.answers:
        given = codec.answer(asked, Message(HEADERS, orjson.dumps(salted(answer)), 200))
        yield codec.deliver(given, given.answer, contract).body or b""
    for asked_of, reader in ((asked, route), *stored(case)):
        stream = OPENAI.codec(reader).stream(asked_of, contract)
        passed = b"".join(stream.feed(framed(event)) for event in case.events)
        yield passed + stream.finish() + stream.cut()
    for event in case.events:
        stream = codec.stream(asked, contract)
        yield stream.feed(framed(event)) + stream.cut()


def framed(event: dict[str, object]) -> bytes:
    """One event with the marker also where the framing has room for it."""
    return b"id: %s\nevent: %s\n: %s\n%s: %s\ndata: " % ((MARK.encode(),) * 5) + orjson.dumps(salted(event)) + b"\n\n"


def stored(case: Case) -> Iterator[tuple[Asked, Route]]:
    if case.path == "/v1/responses":
        route = OPENAI.match("GET", "/v1/responses/resp_1")
        assert route is not None
        yield OPENAI.codec(route).read(route, Message((), b"")), route


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_the_markers_are_in_every_answer_before_it_is_minimised(case: Case) -> None:
    for answer in (*case.answers, *case.events):
        salt = orjson.dumps(salted(answer))
        assert all(mark in salt for mark in MARKS)
        assert all(f'"{name}"'.encode() in salt for name in UNDECLARED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_nothing_undeclared_goes_out(case: Case) -> None:
    for out in outputs(case, Contract()):
        assert not [mark for mark in MARKS if mark in out]
        assert b"fine" in out or b"response" in out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_log_probabilities_go_out_where_they_are_promised_and_nothing_else_does(case: Case) -> None:
    seen = b"".join(outputs(case, FULL_OUTPUT))
    assert MARK.encode() in seen
    assert b"7.654321" in seen
    for name in UNDECLARED:
        if name not in ("tokens", "system_fingerprint"):  # part of completions' log-probabilities, and null
            assert f'"{name}"'.encode() not in seen
    assert f'"system_fingerprint":"{MARK}"'.encode() not in seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_promised_log_probabilities_are_rounded_and_capped(case: Case) -> None:
    rounded = b"".join(outputs(case, Contract(log_probabilities=True, decimals=1, top_log_probabilities=0)))
    assert b"-7.7" in rounded
    assert b"7.654321" not in rounded
    assert b'"top_logprobs":[]' in rounded or b'"top_logprobs":[{}]' in rounded


def test_a_stored_response_is_minimised_like_a_new_one() -> None:
    for method, path in (
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("DELETE", "/v1/responses/resp_1"),
    ):
        route = OPENAI.match(method, path)
        assert route is not None
        codec = OPENAI.codec(route)
        asked = codec.read(route, Message((), b""))
        given = codec.answer(asked, Message(HEADERS, orjson.dumps(salted(RESPONSE)), 200))
        assert given.answer == Answer(())
        out = codec.deliver(given, given.answer, Contract()).body or b""
        assert b'"resp"' in out
        assert not [mark for mark in MARKS if mark in out]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_errors_inside_a_stream_keep_their_message_only(case: Case) -> None:
    route = OPENAI.match("POST", case.path)
    assert route is not None
    codec = OPENAI.codec(route)
    asked = codec.read(route, Message(HEADERS, orjson.dumps(case.request)))
    error = {"error": {"message": "out of memory", "code": MARK, "trace": MARK}, "n": MARK}
    out = codec.stream(asked, Contract()).feed(b"data: " + orjson.dumps(error) + b"\n\n")
    assert b"out of memory" in out
    assert MARK.encode() not in out
