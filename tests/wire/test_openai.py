from __future__ import annotations

import string
from dataclasses import dataclass

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.errors import MethodRefused, RequestError, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Message, Purpose, Route
from moatkeeper.wire.openai import OpenAI

OPENAI = OpenAI()
JSON_HEADERS = ((b"content-type", b"application/json"),)
INFERENCE = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings")
CONTRACTS = (Contract(), FULL_OUTPUT, Contract(max_tokens=5, embedding_dimensions=2))

REQUESTS = {
    "/v1/chat/completions": {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "n": 2,
        "stream": True,
        "stream_options": {"include_usage": True},
        "chat_template_kwargs": {"enable_thinking": False},
        "logprobs": True,
        "top_logprobs": 3,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    },
    "/v1/completions": {"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 3, "logprobs": 2, "echo": True, "max_tokens": 9},
    "/v1/responses": {
        "model": "m",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 4,
        "max_output_tokens": 9,
    },
    "/v1/embeddings": {"model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 3},
}
ANSWERS = {
    "/v1/chat/completions": {
        "id": "c",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "x", "tool_calls": [{"id": "t", "function": {"name": "f"}}]},
                "delta": {"content": "x"},
                "logprobs": {"content": [{"token": "x", "logprob": -0.1, "top_logprobs": [{"token": "x", "logprob": -0.1}]}]},
            }
        ],
        "usage": {"total_tokens": 4},
    },
    "/v1/completions": {
        "id": "c",
        "choices": [
            {
                "index": 0,
                "text": "x",
                "logprobs": {"tokens": ["x"], "token_logprobs": [-0.1], "top_logprobs": [{"x": -0.1}], "text_offset": [0]},
            }
        ],
        "usage": {"total_tokens": 4},
    },
    "/v1/responses": {
        "type": "response.completed",
        "sequence_number": 3,
        "response": {"id": "r", "output": []},
        "id": "r",
        "output": [
            {
                "type": "message",
                "content": [{"type": "output_text", "text": "x", "logprobs": [{"token": "x", "logprob": -0.1}]}],
            }
        ],
        "usage": {"total_tokens": 4},
    },
    "/v1/embeddings": {
        "data": [{"index": 0, "embedding": [0.1, 0.2]}, {"index": 1, "embedding": [0.3, 0.4]}],
        "usage": {"total_tokens": 4},
    },
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, sample: object) -> object:
    """The sample with one of its places, chosen at random, replaced by any JSON."""
    if draw(st.integers(0, 3)) == 0:
        return draw(JSON)
    if isinstance(sample, dict) and sample:
        name = draw(st.sampled_from(sorted(sample)))
        return {**sample, name: draw(mutated(sample[name]))}
    if isinstance(sample, list) and sample:
        place = draw(st.integers(0, len(sample) - 1))
        return [*sample[:place], draw(mutated(sample[place])), *sample[place + 1 :]]
    return draw(JSON)


def read(path: str, body: bytes) -> Asked:
    route = route_of("POST", path)
    return OPENAI.codec(route).read(route, Message(JSON_HEADERS, body))


def route_of(method: str, path: str) -> Route:
    route = OPENAI.match(method, path)
    assert route is not None
    return route


@pytest.mark.parametrize("path", INFERENCE)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_request_is_read_and_rewritten_or_refused_as_a_bad_request(path: str, data: st.DataObject) -> None:
    body = orjson.dumps(data.draw(mutated(REQUESTS[path])))
    try:
        asked = read(path, body)
        for contract in CONTRACTS:
            forwarded = OPENAI.codec(asked.route).forward(asked, contract).body
            assert forwarded is not None
            read(path, forwarded)
    except RequestError:
        return
    assert asked.inputs.rows >= 1
    assert asked.tokens >= 0


@pytest.mark.parametrize("path", INFERENCE)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_answer_is_delivered_or_refused_as_unexpected(path: str, data: st.DataObject) -> None:
    asked = read(path, orjson.dumps(REQUESTS[path]))
    codec = OPENAI.codec(asked.route)
    body = orjson.dumps(data.draw(mutated(ANSWERS[path])))
    for contract in CONTRACTS:
        try:
            given_answer = codec.answer(asked, Message(JSON_HEADERS, body, 200))
            out = codec.deliver(given_answer, given_answer.answer, contract)
        except UnexpectedAnswer:
            continue
        assert isinstance(orjson.loads(out.body or b""), dict)
        assert given_answer.answer.tokens >= 0


@pytest.mark.parametrize("path", INFERENCE[:3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_event_is_passed_on_or_refused_as_unexpected_and_a_cut_always_works(path: str, data: st.DataObject) -> None:
    asked = read(path, orjson.dumps(REQUESTS[path]))
    body = orjson.dumps(data.draw(mutated(ANSWERS[path])))
    for contract in CONTRACTS:
        stream = OPENAI.codec(asked.route).stream(asked, contract)
        try:
            out = stream.feed(b"event: x\ndata: " + body + b"\n\n")
        except UnexpectedAnswer:
            out = b""
        assert out == b"" or out.endswith(b"\n\n")
        assert stream.tokens >= 0
        cut = stream.cut()
        assert cut == b"" or cut.endswith(b"\n\n")


@pytest.mark.parametrize("path", INFERENCE)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60))
@example(b"[" * 1000 + b"]" * 1000)
@example(b'{"messages": NaN}')
@example(b'{"input": "\xff"}')
def test_bytes_that_are_no_request_are_refused(path: str, body: bytes) -> None:
    with pytest.raises(RequestError):
        read(path, body)


@pytest.mark.parametrize("path", INFERENCE)
def test_nesting_deeper_than_can_be_written_is_refused(path: str) -> None:
    deep = b"[" * 300 + b"]" * 300
    raw = orjson.dumps(REQUESTS[path])[:-1] + b',"stop":' + deep + b',"user":' + deep + b"}"
    with pytest.raises(RequestError, match="too deeply"):
        read_and_forward(path, raw)


def read_and_forward(path: str, body: bytes) -> bytes | None:
    asked = read(path, body)
    return OPENAI.codec(asked.route).forward(asked, Contract()).body


@pytest.mark.parametrize(
    "path",
    [
        *("/tokenize", "/detokenize", "/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank", "/classify", "/pooling"),
        *("/props", "/slots", "/lora-adapters", "/metrics", "/completion", "/infill", "/apply-template", "/generate"),
        *("/invocations", "/inference/v1/generate", "/v1/load_lora_adapter", "/v1/files", "/v1/messages", "/version", "/"),
        *("/v1/responses/", "/v1/responses/a/input_items", "/v1/responses/../models", "/v1/responses/a/b", "/v1/responses/a\n"),
        *("/v1/models/../completions", "/v1/models/a/b/c", "/v1/models/", "/v1/chat/completions/", "//v1/models", "/V1/MODELS"),
        *("/v1/chat/completions/abc", "/v1/chat/completions/abc/messages", "/v1/responses/compact/x"),
    ],
)
def test_side_doors_are_not_declared(path: str) -> None:
    assert OPENAI.match("GET", path) is None
    assert OPENAI.match("POST", path) is None


@dataclass(frozen=True, slots=True)
class Declared:
    method: str
    path: str
    purpose: Purpose


@pytest.mark.parametrize(
    "declared",
    [
        *(Declared("POST", path, Purpose.INFER) for path in INFERENCE),
        Declared("GET", "/v1/responses/resp_1", Purpose.READ),
        Declared("DELETE", "/v1/responses/resp_1", Purpose.READ),
        Declared("POST", "/v1/responses/resp_1/cancel", Purpose.READ),
        Declared("GET", "/v1/models", Purpose.PLAIN),
        Declared("GET", "/v1/models/HuggingFaceTB/SmolLM2-135M", Purpose.PLAIN),
        Declared("GET", "/health", Purpose.PLAIN),
    ],
)
def test_declared_paths_have_their_purpose_and_refuse_other_methods(declared: Declared) -> None:
    route = route_of(declared.method, declared.path)
    assert (route.format, route.purpose) == ("openai", declared.purpose)
    OPENAI.codec(route)
    with pytest.raises(MethodRefused):
        OPENAI.match("PUT", declared.path)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet=string.printable + "/.", max_size=30))
def test_a_stored_response_is_reached_by_a_plain_id_only(identity: str) -> None:
    route = OPENAI.match("GET", "/v1/responses/" + identity)
    if route is not None:
        assert set(identity) <= set(string.ascii_letters + string.digits + "_-")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", None),
        (401, "invalid_request_error", "invalid_api_key"),
        (404, "invalid_request_error", "not_found"),
        (413, "invalid_request_error", "request_too_large"),
        (415, "invalid_request_error", "unsupported_media_type"),
        (429, "requests", "rate_limit_exceeded"),
        (502, "server_error", None),
    ],
)
def test_errors_have_the_shape_that_clients_read(status: int, kind: str, code: str | None) -> None:
    body = orjson.loads(OPENAI.refusal(None, status, "no"))
    assert body == {"error": {"message": "no", "type": kind, "param": None, "code": code}}


def test_a_list_of_models_goes_out_without_its_architecture() -> None:
    route = route_of("GET", "/v1/models")
    codec = OPENAI.codec(route)
    asked = codec.read(route, Message((), b""))
    card = {"id": "m", "object": "model", "created": 1, "owned_by": "me", "root": "/w", "meta": {"n_embd": 576, "n_vocab": 9}}
    given_answer = codec.answer(asked, Message((), orjson.dumps({"object": "list", "data": [card], "models": [card]}), 200))
    out = codec.deliver(given_answer, Answer(()), Contract()).body
    assert out == b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"me"}]}'
    with pytest.raises(UnexpectedAnswer):
        codec.answer(asked, Message((), b"<html>", 200))


def test_health_says_one_word_at_most() -> None:
    route = route_of("GET", "/health")
    codec = OPENAI.codec(route)
    asked = codec.read(route, Message((), b""))
    for body, expected in ((b'{"status":"ok","slots_idle":3}', b'{"status":"ok"}'), (b"", b""), (b"OK", b""), (b"[1]", b"")):
        assert codec.deliver(codec.answer(asked, Message((), body, 200)), Answer(()), Contract()).body == expected
