"""A model server that speaks OpenAI's protocol as vLLM and llama.cpp do, with everything that they tell beside the answer."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ("A", " moat", " keeps", " what", " is", " inside", " from", " being", " carried", " away")
PROMPT_TOKENS = 7
STEPWISE = "stepwise"
"""The model that holds its second chunk back until its caller says that the first has arrived."""

ALWAYS = "always"
"""The model that gives log-probabilities with every token, whether asked for or not, as some servers do."""

HOLD_S = 20.0
LEAKS = (
    b"-0.1234567",
    b"prompt_logprobs",
    b"prompt_token_ids",
    b'"token_ids"',
    b"kv_transfer_params",
    b"timings",
    b"__verbose",
    b"fp_4a5b6c",
    b"encrypted_content",
    b"input_messages",
    b"meta",
)
"""Bytes that are in this server's answers and must not leave."""


@dataclass
class OpenAIServer:
    """The server's memory: what it was asked, what it stored, and how far a stepwise stream has come."""

    seen: list[Mapping[str, object]] = field(default_factory=list)
    stored: dict[str, Mapping[str, object]] = field(default_factory=dict)
    first_arrived: threading.Event = field(default_factory=threading.Event)
    chunks_sent: int = 0

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/completions", self.completions, methods=["POST"]),
                Route("/v1/responses", self.responses, methods=["POST"]),
                Route("/v1/responses/{id}", self.stored_response, methods=["GET", "DELETE"]),
                Route("/v1/embeddings", self.embeddings, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/tokenize", self.tokenize, methods=["POST"]),
                Route("/health", lambda _: Response()),
            ]
        )

    async def chat(self, request: Request) -> Response:
        """Chat completions, whole or streamed."""
        asked = await self._asked(request)
        if not asked.get("messages"):
            return JSONResponse({"error": {"message": "messages is empty", "type": "BadRequestError", "code": 400}}, 400)
        with_logprobs = bool(asked.get("logprobs")) or asked.get("model") == ALWAYS
        words = _words(asked, "max_tokens", "max_completion_tokens")
        choices = range(int(str(asked.get("n") or 1)))
        envelope = _envelope(asked, "chatcmpl-1")
        if not asked.get("stream"):
            whole = [_chat_choice(index, words, with_logprobs) for index in choices]
            usage = _usage(len(words) * len(choices))
            return JSONResponse({**envelope, **_EXTRA, "object": "chat.completion", "choices": whole, "usage": usage})
        parts: list[Mapping[str, object]] = [_delta(index, {"role": "assistant", "content": ""}) for index in choices]
        parts += [
            _delta(index, {"content": word}, _chat_logprobs([word]) if with_logprobs else None)
            for word in words
            for index in choices
        ]
        parts += [_delta(index, {}, finish="stop") for index in choices]
        events = [{**envelope, "object": "chat.completion.chunk", "choices": [part]} for part in parts]
        if asked.get("stream_options"):
            events.append({**envelope, "object": "chat.completion.chunk", "choices": [], "usage": _usage(len(words))})
        return self._stream(asked, events, lead=len(choices))

    async def completions(self, request: Request) -> Response:
        """Text completions, whole or streamed."""
        asked = await self._asked(request)
        words = _words(asked, "max_tokens")
        envelope = {**_envelope(asked, "cmpl-1"), "object": "text_completion"}
        logprobs = asked.get("logprobs") is not None or asked.get("model") == ALWAYS
        if not asked.get("stream"):
            choice = {**_text_choice("".join(words), words if logprobs else None), "prompt_logprobs": [None, {"1": {}}]}
            return JSONResponse({**envelope, "choices": [choice], "usage": _usage(len(words)), **_EXTRA})
        events = [{**envelope, "choices": [_text_choice(word, [word] if logprobs else None)]} for word in words]
        return self._stream(asked, events)

    async def responses(self, request: Request) -> Response:
        """A new response, whole or streamed; kept for a replay either way."""
        asked = await self._asked(request)
        response = _response(asked, f"resp_{len(self.stored) + 1}")
        self.stored[str(response["id"])] = response
        return self._stream(asked, _response_events(response), named=True) if asked.get("stream") else JSONResponse(response)

    async def stored_response(self, request: Request) -> Response:
        """An old response once more, whole or as its events, or its end."""
        response = self.stored.get(request.path_params["id"])
        if response is None:
            return JSONResponse({"error": {"message": "no such response", "type": "not_found", "code": 404}}, 404)
        if request.method == "DELETE":
            del self.stored[str(response["id"])]
            return JSONResponse({"id": response["id"], "object": "response", "deleted": True, "kv_transfer_params": {}})
        if request.query_params.get("stream") == "true":
            return self._stream({}, _response_events(response), named=True)
        return JSONResponse(response)

    async def embeddings(self, request: Request) -> Response:
        """One vector an input, in the encoding that was asked for."""
        asked = await self._asked(request)
        inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        rows = embedding(len(inputs))
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(row, asked.get("encoding_format"))}
            for index, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": 3, "total_tokens": 3, "prompt_tokens_details": None}
        return JSONResponse({"object": "list", "model": asked["model"], "data": data, "usage": usage, "timings": {}})

    async def models(self, request: Request) -> Response:
        """The list of models, with what llama.cpp and vLLM say of their insides."""
        meta = {"n_vocab": 49152, "n_embd": 576, "n_params": 134515008}
        model = {"id": "m", "object": "model", "created": 1, "owned_by": "vllm", "root": "/models/m", "meta": meta}
        return JSONResponse({"object": "list", "data": [model]})

    async def tokenize(self, request: Request) -> Response:
        """A side door that no client of a guarded model may reach."""
        await self._asked(request)
        return JSONResponse({"tokens": [1, 2, 3]})

    async def _asked(self, request: Request) -> Mapping[str, object]:
        document: Mapping[str, object] = orjson.loads(await request.body())
        self.seen.append(document)
        return document

    def _stream(
        self,
        asked: Mapping[str, object],
        events: Sequence[Mapping[str, object]],
        *,
        named: bool = False,
        lead: int = 1,
    ) -> StreamingResponse:
        """Server-sent events; a stepwise model stops after ``lead`` + 1 of them until the first has arrived."""

        async def chunks() -> AsyncIterator[bytes]:
            self.chunks_sent = 0
            yield b": ping\n\n"
            for number, event in enumerate(events):
                if asked.get("model") == STEPWISE and number == lead + 1:
                    await self._hold()
                self.chunks_sent = number + 1
                name = f"event: {event['type']}\n".encode() if named else b""
                yield name + b"data: " + orjson.dumps(event) + b"\n\n"
            if not named:
                yield b"data: [DONE]\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    async def _hold(self) -> None:
        for _ in range(int(HOLD_S / 0.01)):
            if self.first_arrived.is_set():
                return
            await asyncio.sleep(0.01)


def embedding(rows: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The vectors that this server gives, shape (rows, 16), of unit length."""
    values = np.sin(np.arange(rows * 16, dtype=np.float32).reshape(rows, 16) + 1)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), dtype=np.float32)


_EXTRA: Mapping[str, object] = {
    "prompt_logprobs": [None, {"1": {"logprob": -0.1234567}}],
    "prompt_token_ids": [1, 2, 3],
    "kv_transfer_params": {"host": "10.0.0.1"},
    "timings": {"prompt_n": 5, "predicted_per_second": 9.5},
    "__verbose": {"prompt": "<|im_start|>"},
}


def _words(asked: Mapping[str, object], *maxima: str) -> list[str]:
    stated = [asked[name] for name in maxima if asked.get(name) is not None]
    return list(WORDS[: int(str(stated[0])) if stated else len(WORDS)])


def _envelope(asked: Mapping[str, object], identifier: str) -> dict[str, object]:
    return {"id": identifier, "created": 1, "model": asked["model"], "system_fingerprint": "fp_4a5b6c"}


def _usage(generated: int) -> dict[str, object]:
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": generated, "total_tokens": PROMPT_TOKENS + generated}


def _token(word: str) -> dict[str, object]:
    top = {"token": word, "logprob": -0.1234567, "bytes": list(word.encode())}
    return {**top, "top_logprobs": [top, {"token": "!", "logprob": -2.7654321, "bytes": [33]}]}


def _chat_logprobs(words: Sequence[str]) -> dict[str, object]:
    return {"content": [_token(word) for word in words], "refusal": None}


def _chat_choice(index: int, words: Sequence[str], with_logprobs: bool) -> dict[str, object]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": "".join(words), "refusal": None},
        "logprobs": _chat_logprobs(words) if with_logprobs else None,
        "finish_reason": "stop",
        "stop_reason": None,
        "token_ids": list(range(len(words))),
    }


def _delta(
    index: int, delta: Mapping[str, object], logprobs: Mapping[str, object] | None = None, *, finish: str | None = None
) -> dict[str, object]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish, "token_ids": [1]}


def _text_choice(text: str, scored: Sequence[str] | None) -> dict[str, object]:
    logprobs = scored and {
        "tokens": list(scored),
        "token_logprobs": [-0.1234567] * len(scored),
        "top_logprobs": [{word: -0.1234567, "!": -2.7654321} for word in scored],
        "text_offset": list(range(len(scored))),
    }
    return {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": "stop", "token_ids": [1]}


def _response(asked: Mapping[str, object], identifier: str) -> dict[str, object]:
    text = "".join(_words(asked, "max_output_tokens"))
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": [_token(text)]}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": identifier,
        "object": "response",
        "created_at": 1,
        "model": asked["model"],
        "output": [reasoning, message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": "completed",
        "usage": {
            "input_tokens": PROMPT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": len(WORDS),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": PROMPT_TOKENS + len(WORDS),
        },
        "input_messages": [{"tokens": [1]}],
        "kv_transfer_params": {"host": "10.0.0.1"},
    }


def _response_events(response: Mapping[str, object]) -> list[Mapping[str, object]]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    events: list[dict[str, object]] = [
        {"type": "response.created", "response": {**response, "output": [], "status": "in_progress", "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": word, "logprobs": [_token(word)]} for word in WORDS),
        {"type": "response.output_text.done", **place, "text": "".join(WORDS), "logprobs": [_token("all")]},
        {"type": "response.debug.internals", "meta": "secret"},
        {"type": "response.completed", "response": response},
    ]
    return [{"sequence_number": number, **event} for number, event in enumerate(events)]


def _encoded(row: np.ndarray[tuple[int, ...], np.dtype[np.float32]], encoding: object) -> object:
    return base64.b64encode(row.astype("<f4").tobytes()).decode() if encoding == "base64" else row.tolist()
