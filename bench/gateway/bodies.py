"""The requests of the benchmark and what the model server answers to each: the same bytes in every run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, repeat

import numpy as np

SEED = 20_260_102
SCORE_DECIMALS = 6  # of the model server's scores
CHUNKS = 64  # events with text in one stream
STAMP_DIGITS = 20  # nanoseconds of the machine's monotonic clock, zero-padded so that every event is equally long

PREDICT = "/v1/models/bench:predict"
PREDICT_LARGE = "/v1/models/bench-large:predict"
CHAT = "/v1/chat/completions"

# A chat request names its answer by its model; the mock finds the name in the body, however a proxy wrote it again.
CHAT_MODEL = "bench-chat"
CHAT_LARGE_MODEL = "bench-logprobs"
STREAM_MODEL = "bench-stream"
STREAM_PACED_MODEL = "bench-paced"


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request: where it goes, with what body, and what its answer looks like."""

    name: str
    path: str
    body: bytes
    streamed: bool = False

    def head(self, host: str, key: str) -> bytes:
        """The request's head as a plain client writes it; with a key, as the caller who holds it."""
        credential = f"authorization: Bearer {key}\r\n" if key else ""
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: bench\r\naccept: */*\r\n{credential}"
            f"content-type: application/json\r\ncontent-length: {len(self.body)}\r\n\r\n"
        ).encode()

    def requests(self, host: str, keys: Sequence[str]) -> Iterator[bytes]:
        """Requests without end: always the same one, or one key after the other."""
        if len(keys) < 2:
            return repeat(self.head(host, keys[0] if keys else "") + self.body)
        before, after = self.head(host, "\0").split(b"\0")
        end = after + self.body
        return (before + key.encode() + end for key in cycle(keys))


def workloads() -> dict[str, Workload]:
    """All workloads by name."""
    generator = np.random.default_rng(SEED)
    made = (
        Workload("predict 1 KB", PREDICT, _instances(generator, rows=1, columns=54)),
        Workload("chat 1 KB", CHAT, _chat(CHAT_MODEL)),
        Workload("predict 300 KB", PREDICT_LARGE, _instances(generator, rows=32, columns=16)),
        Workload("chat 300 KB", CHAT, _chat(CHAT_LARGE_MODEL)),
        Workload("stream", CHAT, _chat(STREAM_MODEL, stream=True), streamed=True),
        Workload("stream paced", CHAT, _chat(STREAM_PACED_MODEL, stream=True), streamed=True),
    )
    return {each.name: each for each in made}


def answers() -> dict[str, bytes]:
    """The bodies of the model server's unary answers, by path or by chat model."""
    generator = np.random.default_rng(SEED + 1)
    return {
        PREDICT: _predictions(generator, rows=1, classes=10),
        PREDICT_LARGE: _predictions(generator, rows=32, classes=1000),
        CHAT_MODEL: _completion("A short answer of some forty words. " * 6, 48, None),
        CHAT_LARGE_MODEL: _completion("word " * 256, 256, _logprobs(generator, tokens=256, alternatives=20)),
    }


def event(text: str) -> bytes:
    """One event of a streamed chat answer."""
    document = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": STREAM_MODEL,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def last_events() -> bytes:
    """How a stream ends: the finish reason, and the protocol's end mark."""
    return event("").replace(b'"finish_reason":null', b'"finish_reason":"stop"') + b"data: [DONE]\n\n"


def _instances(generator: np.random.Generator, *, rows: int, columns: int) -> bytes:
    return json.dumps({"instances": generator.normal(size=(rows, columns)).tolist()}, separators=(",", ":")).encode()


def _predictions(generator: np.random.Generator, *, rows: int, classes: int) -> bytes:
    scores = generator.dirichlet(np.ones(classes), rows).round(SCORE_DECIMALS)
    return json.dumps({"predictions": scores.tolist()}, separators=(",", ":")).encode()


def _chat(model: str, *, stream: bool = False) -> bytes:
    question = "Which of these two offers is better for a customer who pays every month, and why? " * 10
    messages = [{"role": "system", "content": "Answer in one paragraph."}, {"role": "user", "content": question}]
    document: dict[str, object] = {"model": model, "messages": messages, "max_tokens": 256}
    if stream:
        document["stream"] = True
    return json.dumps(document, separators=(",", ":")).encode()


def _completion(text: str, tokens: int, logprobs: object) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": logprobs,
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 180, "completion_tokens": tokens, "total_tokens": 180 + tokens}
    document = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": CHAT_MODEL,
        "choices": [choice],
        "usage": usage,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _logprobs(generator: np.random.Generator, *, tokens: int, alternatives: int) -> object:
    values = -np.sort(generator.exponential(4.0, size=(tokens, alternatives)), axis=1).round(4)
    words = [f"w{number:04d}" for number in generator.integers(0, 10_000, size=tokens * alternatives)]
    content = []
    for number, row in enumerate(values.tolist()):
        names = words[number * alternatives : (number + 1) * alternatives]
        best = [{"token": name, "logprob": value, "bytes": list(name.encode())} for name, value in zip(names, row, strict=True)]
        content.append({**best[0], "top_logprobs": best})
    return {"content": content}
