"""The OpenAI-compatible protocol, as OpenAI, vLLM and llama.cpp speak it: which paths are open, and how errors look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from moatkeeper.errors import MethodRefused
from moatkeeper.wire.base import Codec, Purpose, Route
from moatkeeper.wire.openai_chat import ChatCodec
from moatkeeper.wire.openai_completions import CompletionsCodec
from moatkeeper.wire.openai_embeddings import EmbeddingsCodec
from moatkeeper.wire.openai_plain import HealthCodec, ModelsCodec
from moatkeeper.wire.openai_responses import DeletedCodec, ResponsesCodec, StoredCodec


@dataclass(frozen=True, slots=True)
class _Entry:
    """One operation on a declared path."""

    operation: str
    purpose: Purpose


_STORED = "responses.stored"
_DELETED = "responses.deleted"

# Everything that is not here is refused. In particular: tokenize and detokenize (the vocabulary), score, rerank, classify and
# pooling (raw scores), props, slots, lora-adapters and metrics (the server's inside), completion, generate and invocations
# (the same model without these checks), and a stored response's input_items (somebody's prompts, by nothing but an id).
_EXACT: Mapping[str, Mapping[str, _Entry]] = {
    "/v1/chat/completions": {"POST": _Entry("chat", Purpose.INFER)},
    "/v1/completions": {"POST": _Entry("completions", Purpose.INFER)},
    "/v1/responses": {"POST": _Entry("responses", Purpose.INFER)},
    "/v1/embeddings": {"POST": _Entry("embeddings", Purpose.INFER)},
    "/v1/models": {"GET": _Entry("models", Purpose.PLAIN), "HEAD": _Entry("models", Purpose.PLAIN)},
    "/health": {"GET": _Entry("health", Purpose.PLAIN), "HEAD": _Entry("health", Purpose.PLAIN)},
}
_RESPONSE = re.compile(r"/v1/responses/[A-Za-z0-9_-]{1,256}\Z")
_CANCEL = re.compile(r"/v1/responses/[A-Za-z0-9_-]{1,256}/cancel\Z")
_MODEL = re.compile(r"/v1/models/(?P<model>(?!\.)[A-Za-z0-9._:@-]{1,256}(?:/(?!\.)[A-Za-z0-9._:@-]{1,256})?)\Z")

# Deleting and cancelling are for the owner's sake (privacy, and not paying for an unwanted background answer); what they give
# back is a response, or less, and is minimised like one.
_STORED_METHODS = {"GET": _Entry(_STORED, Purpose.READ), "DELETE": _Entry(_DELETED, Purpose.READ)}
_CANCEL_METHODS = {"POST": _Entry(_STORED, Purpose.READ)}
_MODEL_METHODS = {"GET": _Entry("models", Purpose.PLAIN), "HEAD": _Entry("models", Purpose.PLAIN)}

_CODECS: Mapping[str, Codec] = {
    "chat": ChatCodec(),
    "completions": CompletionsCodec(),
    "responses": ResponsesCodec(),
    _STORED: StoredCodec(),
    _DELETED: DeletedCodec(),
    "embeddings": EmbeddingsCodec(),
    "models": ModelsCodec(),
    "health": HealthCodec(),
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """How one HTTP status is named inside an error object."""

    type: str
    code: str | None = None


_FAULTS = {
    401: _Fault("invalid_request_error", "invalid_api_key"),
    403: _Fault("invalid_request_error", "forbidden"),
    404: _Fault("invalid_request_error", "not_found"),
    405: _Fault("invalid_request_error", "method_not_allowed"),
    413: _Fault("invalid_request_error", "request_too_large"),
    415: _Fault("invalid_request_error", "unsupported_media_type"),
    429: _Fault("requests", "rate_limit_exceeded"),
}
_BAD_REQUEST = _Fault("invalid_request_error")
_SERVER_FAULT = _Fault("server_error")
_FIRST_SERVER_STATUS = 500


class OpenAI:
    """The OpenAI-compatible wire format: chat, completions, responses and embeddings."""

    name = "openai"

    def match(self, method: str, path: str) -> Route | None:
        """The route of a declared path; MethodRefused for another method, None for every other path."""
        methods = _EXACT.get(path)
        model = ""
        if methods is None:
            if _RESPONSE.match(path):
                methods = _STORED_METHODS
            elif _CANCEL.match(path):
                methods = _CANCEL_METHODS
            elif (named := _MODEL.match(path)) is not None:
                methods, model = _MODEL_METHODS, named["model"]
            else:
                return None
        entry = methods.get(method)
        if entry is None:
            raise MethodRefused(f"{path} takes {' or '.join(sorted(methods))}, not {method}")
        return Route(self.name, entry.operation, entry.purpose, model)

    def codec(self, route: Route) -> Codec:
        """What reads and writes the bodies of this route."""
        return _CODECS[route.operation]

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """OpenAI's error object."""
        fault = _FAULTS.get(status, _SERVER_FAULT if status >= _FIRST_SERVER_STATUS else _BAD_REQUEST)
        return orjson.dumps({"error": {"message": message, "type": fault.type, "param": None, "code": fault.code}})
