"""The official client against a model server behind this format: what it sends is read, what it gets it can parse."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping

import httpx2 as httpx
import numpy as np
import openai
import orjson
import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseCompletedEvent, ResponseTextDeltaEvent

from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.errors import RequestError
from moatkeeper.wire.base import Message
from moatkeeper.wire.openai import OpenAI

OPENAI = OpenAI()
Upstream = Callable[[str, Mapping[str, object]], object]

CHAT_LOGPROBS = {
    "content": [
        {
            "token": "Hi",
            "logprob": -0.1234567,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.1234567, "bytes": None}],
        }
    ]
}
# As vLLM answers, every optional field included.
VLLM_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "annotations": None,
                "audio": None,
                "reasoning": None,
            },
            "logprobs": CHAT_LOGPROBS,
            "finish_reason": "stop",
            "stop_reason": None,
            "token_ids": [1],
        }
    ],
    "service_tier": None,
    "system_fingerprint": None,
    "usage": {"prompt_tokens": 5, "total_tokens": 6, "completion_tokens": 1, "prompt_tokens_details": None},
    "prompt_logprobs": None,
    "prompt_token_ids": [3, 4],
    "kv_transfer_params": None,
}
# As llama.cpp's server answers.
LLAMA_CHAT = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "Hi"}}],
    "created": 1,
    "model": "m",
    "system_fingerprint": "b1-abc",
    "object": "chat.completion",
    "usage": {"completion_tokens": 1, "prompt_tokens": 5, "total_tokens": 6},
    "id": "chatcmpl-1",
    "timings": {"prompt_n": 5, "predicted_per_second": 9.5},
    "__verbose": {"prompt": "<|im_start|>"},
}
TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "text": "Hi",
            "logprobs": {
                "tokens": ["Hi"],
                "token_logprobs": [-0.1234567],
                "top_logprobs": [{"Hi": -0.1234567}],
                "text_offset": [0],
            },
            "finish_reason": "stop",
            "stop_reason": None,
            "prompt_logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 5, "total_tokens": 6, "completion_tokens": 1},
}
RESPONSE: dict[str, object] = {
    "id": "resp_1",
    "created_at": 1,
    "model": "m",
    "object": "response",
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "hm"}],
            "status": None,
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": None}],
        },
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"},
    ],
    "instructions": None,
    "metadata": None,
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "status": "completed",
    "text": None,
    "usage": {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0, "cached_tokens_per_turn": []},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0, "tool_output_tokens": 0},
        "total_tokens": 6,
    },
    "input_messages": [{"tokens": [1]}],
}
VECTORS = np.array([[0.5, -0.25], [0.125, 1.0]], dtype="<f4")


def serve(request: httpx.Request, upstream: Upstream, contract: Contract) -> httpx.Response:
    """What a gateway does with one request, without the network."""
    route = OPENAI.match(request.method, request.url.path)
    assert route is not None
    codec = OPENAI.codec(route)
    headers = tuple((name.lower(), value) for name, value in request.headers.raw)
    try:
        asked = codec.read(route, Message(headers, request.read()))
        forwarded = codec.forward(asked, contract).body or b"{}"
    except RequestError as error:
        return httpx.Response(error.status, content=OPENAI.refusal(route, error.status, error.message))
    reply = upstream(request.url.path, orjson.loads(forwarded))
    if isinstance(reply, int):
        return httpx.Response(reply, content=OPENAI.refusal(route, reply, "wait"))
    if isinstance(reply, bytes):
        stream = codec.stream(asked, contract)
        body = b"".join(stream.feed(reply[at : at + 7]) for at in range(0, len(reply), 7)) + stream.finish()
        return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
    given = codec.answer(asked, Message((), orjson.dumps(reply), 200))
    return httpx.Response(
        200, content=codec.deliver(given, given.answer, contract).body, headers={"content-type": "application/json"}
    )


def client(upstream: Upstream, contract: Contract | None = None) -> openai.OpenAI:
    transport = httpx.MockTransport(lambda request: serve(request, upstream, contract or Contract()))
    return openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=httpx.Client(transport=transport), max_retries=0)


def strict(
    model: type[ChatCompletion | ChatCompletionChunk | Completion | Response | CreateEmbeddingResponse],
    path: str,
    answer: object,
) -> None:
    """Fails unless what is delivered for an answer is exactly of the official model's types."""
    request = {"messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}
    raw = httpx.Request("POST", "http://test" + path, json=request)
    model.model_validate_json(serve(raw, lambda _path, _body: answer, Contract()).content, strict=True)
    model.model_validate_json(serve(raw, lambda _path, _body: answer, FULL_OUTPUT).content, strict=True)


def sse(*events: object, done: bool = True) -> bytes:
    framed = b"".join(b"data: " + orjson.dumps(event) + b"\r\n\r\n" for event in events)
    return b": ping\r\n\r\n" + framed + b"data: [DONE]\r\n\r\n" * done


def chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": CHAT_LOGPROBS, "finish_reason": finish, "token_ids": [1]}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


CHUNKS = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hi"}),
    chunk({"content": " there", "reasoning": "hm"}),
    chunk({}, "stop"),
    {**chunk({}), "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}},
)


@pytest.mark.parametrize("answer", [VLLM_CHAT, LLAMA_CHAT])
def test_chat_completions_are_strictly_of_the_official_model(answer: object) -> None:
    strict(ChatCompletion, "/v1/chat/completions", answer)


def test_completions_responses_and_embeddings_are_strictly_of_the_official_models() -> None:
    strict(Completion, "/v1/completions", TEXT)
    strict(Response, "/v1/responses", RESPONSE | {"output": RESPONSE_OUTPUT_WITHOUT_NULLS})
    data = [{"object": "embedding", "index": 0, "embedding": VECTORS[0].tolist()}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    strict(CreateEmbeddingResponse, "/v1/embeddings", {"object": "list", "model": "m", "data": data, "usage": usage})


RESPONSE_OUTPUT_WITHOUT_NULLS: list[dict[str, object]] = [
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
    }
]


def test_the_client_chats() -> None:
    seen: list[Mapping[str, object]] = []

    def upstream(path: str, body: Mapping[str, object]) -> object:
        seen.append(body)
        return VLLM_CHAT

    answer = client(upstream).chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "x"}],
        logprobs=True,
        top_logprobs=5,
        logit_bias={"5": 100},
        extra_body={"top_k": 4, "prompt_logprobs": 3},
    )
    assert answer.choices[0].message.content == "Hi"
    assert answer.choices[0].logprobs is None
    assert answer.usage is not None
    assert answer.usage.total_tokens == 6
    assert seen == [{"model": "m", "messages": [{"role": "user", "content": "x"}], "top_k": 4}]


def test_the_client_gets_log_probabilities_where_they_are_promised() -> None:
    answer = client(lambda _path, _body: VLLM_CHAT, Contract(log_probabilities=True)).chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], logprobs=True
    )
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.content is not None
    assert answer.choices[0].logprobs.content[0].logprob == -0.12


def test_the_client_streams_without_usage_that_it_did_not_ask_for() -> None:
    def upstream(path: str, body: Mapping[str, object]) -> object:
        assert body["stream_options"] == {"include_usage": True}
        return sse(*CHUNKS)

    chunks = list(client(upstream).chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))
    assert "".join(piece.choices[0].delta.content or "" for piece in chunks) == "Hi there"
    assert [piece.choices[0].finish_reason for piece in chunks] == [None, None, None, "stop"]
    assert all(piece.usage is None and piece.choices[0].logprobs is None for piece in chunks)


def test_the_client_gets_the_usage_that_it_asked_for() -> None:
    chunks = list(
        client(lambda _path, _body: sse(*CHUNKS)).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 7


def test_the_client_sees_an_error_inside_a_stream() -> None:
    failing = sse(CHUNKS[0], {"error": {"message": "out of memory", "type": "x", "code": 500}})
    with pytest.raises(openai.APIError, match="out of memory"):
        list(
            client(lambda _path, _body: failing).chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x"}], stream=True
            )
        )


def test_the_client_completes_a_text_whole_and_streamed() -> None:
    answer = client(lambda _path, _body: TEXT).completions.create(model="m", prompt="x", logprobs=3)
    assert (answer.choices[0].text, answer.choices[0].logprobs) == ("Hi", None)
    pieces = list(client(lambda _path, _body: sse(TEXT, TEXT)).completions.create(model="m", prompt="x", stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == "HiHi"


def response_events() -> Iterator[bytes]:
    place: dict[str, object] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {**RESPONSE_OUTPUT_WITHOUT_NULLS[0], "status": "in_progress", "content": []}
    part: dict[str, object] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    logprob = {"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": []}
    events: list[dict[str, object]] = [
        {"type": "response.created", "response": RESPONSE | {"output": [], "status": "in_progress", "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": "H", "logprobs": [logprob]},
        {"type": "response.output_text.delta", **place, "delta": "i", "logprobs": [logprob]},
        {"type": "response.output_text.done", **place, "text": "Hi", "logprobs": [logprob]},
        {"type": "response.content_part.done", **place, "part": part | {"text": "Hi"}},
        {"type": "response.output_item.done", "output_index": 0, "item": RESPONSE_OUTPUT_WITHOUT_NULLS[0]},
        {"type": "response.secret.debug", "value": 1},
        {"type": "response.completed", "response": RESPONSE},
    ]
    for number, event in enumerate(events):
        document = {"sequence_number": number, **event}
        yield b"event: " + str(event["type"]).encode() + b"\ndata: " + orjson.dumps(document) + b"\n\n"


def test_the_client_reads_a_response_whole_stored_and_streamed() -> None:
    made = client(lambda _path, _body: RESPONSE)
    assert made.responses.create(model="m", input="x").output_text == "Hi"
    assert made.responses.retrieve("resp_1").output_text == "Hi"
    assert made.responses.cancel("resp_1").status == "completed"
    made.responses.delete("resp_1")
    streamed = client(lambda _path, _body: b"".join(response_events()))
    for events in (
        list(streamed.responses.create(model="m", input="x", stream=True)),
        list(streamed.responses.retrieve("resp_1", stream=True)),
    ):
        deltas = [event for event in events if isinstance(event, ResponseTextDeltaEvent)]
        assert "".join(event.delta for event in deltas) == "Hi"
        assert all(event.logprobs == [] for event in deltas)
        assert isinstance(events[-1], ResponseCompletedEvent)
        assert events[-1].response.output_text == "Hi"
        assert len(events) == 9


@pytest.mark.parametrize("server_base64", [True, False])
def test_the_client_gets_embeddings_in_the_encoding_it_asks_for(server_base64: bool) -> None:
    def upstream(path: str, body: Mapping[str, object]) -> object:
        rows: list[object] = [base64.b64encode(row.tobytes()).decode() if server_base64 else row.tolist() for row in VECTORS]
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
        return {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}, "id": "e"}

    plain = client(upstream).embeddings.create(model="m", input=["a", "b"])  # the client asks for base64 and decodes it
    assert [entry.embedding for entry in plain.data] == VECTORS.tolist()
    floats = client(upstream).embeddings.create(model="m", input=["a", "b"], encoding_format="float")
    assert [entry.embedding for entry in floats.data] == VECTORS.tolist()
    raw = client(upstream).embeddings.create(model="m", input=["a", "b"], encoding_format="base64")
    encoded: list[object] = [entry.embedding for entry in raw.data]
    assert encoded == [base64.b64encode(row.tobytes()).decode() for row in VECTORS]


def test_the_client_raises_its_own_errors() -> None:
    limited = client(lambda _path, _body: 429)
    with pytest.raises(openai.RateLimitError, match="wait"):
        limited.embeddings.create(model="m", input="x")
    with pytest.raises(openai.BadRequestError, match="messages"):
        limited.chat.completions.create(model="m", messages=[])
