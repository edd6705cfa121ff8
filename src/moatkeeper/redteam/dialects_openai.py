"""Dialects of the OpenAI-compatible API: chats, the next token with its log-probabilities, embeddings, labels as one token."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer, UsageError
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.dialects import Dialect, Wire, answers, field, first, items, one_hot, unexpected
from moatkeeper.redteam.trade import CHATS, TEXTS, TOKENS

TEXTS_PER_REQUEST = 50
MOST_SHOWN = 20
"""The most alternatives that OpenAI's chat API shows."""
TOKEN_ID = "token_id:"  # noqa: S105 - what vLLM puts before a token's number where asked for numbers, no password


def chat_dialect(wire: Wire) -> Dialect[Sequence[str], Sequence[str]]:
    """Prompts to what is written, one a request, at temperature 0; raises UsageError for a format that has no chats."""
    if wire.format != "openai-chat":
        raise UsageError(f"the format {wire.format!r} carries no chats", hint="Chats: openai-chat.")

    def encode(prompts: Sequence[str], model: str) -> object:
        messages = [{"role": "user", "content": prompt} for prompt in prompts]
        return {"model": model, "messages": messages, "temperature": 0, "max_tokens": wire.max_tokens}

    def decode(document: object, count: int) -> Sequence[str]:
        return [_written(document)]

    return Dialect(lambda model: "/v1/chat/completions", encode, decode, CHATS, 1)


def openai_classifier(wire: Wire) -> Dialect[Sequence[str], FloatArray]:
    """Texts to the probabilities that the first token written is each label; a bare decision where none are shown."""
    if not wire.labels:
        raise UsageError("a chat model classifies by the labels that it writes", hint="Name them with --labels a,b,c.")

    def encode(texts: Sequence[str], model: str) -> object:
        asked = {"model": model, "messages": [{"role": "user", "content": texts[0]}], "temperature": 0, "max_tokens": 1}
        return asked | {"logprobs": True, "top_logprobs": MOST_SHOWN}

    def decode(document: object, count: int) -> FloatArray:
        choice = first(field(document, "choices"))
        shown = choice.get("logprobs") if isinstance(choice, Mapping) else None
        if not isinstance(shown, Mapping) or not shown.get("content"):
            return one_hot([_written(document).strip()], wire.labels)
        top = items(field(first(shown["content"]), "top_logprobs"))
        found = {str(field(token, "token")).strip(): _number(field(token, "logprob")) for token in reversed(top)}
        return np.array([[math.exp(found[label]) if label in found else 0.0 for label in wire.labels]])

    return Dialect(lambda model: "/v1/chat/completions", encode, decode, TEXTS, 1)


def openai_embeddings() -> Dialect[Sequence[str], FloatArray]:
    """Texts to embeddings."""

    def encode(texts: Sequence[str], model: str) -> object:
        return {"model": model, "input": list(texts), "encoding_format": "float"}

    def decode(document: object, count: int) -> FloatArray:
        data = sorted(items(field(document, "data"), count), key=lambda item: _number(field(item, "index")))
        return answers([field(item, "embedding") for item in data], count, Wire("openai-embeddings"))

    return Dialect(lambda model: "/v1/embeddings", encode, decode, TEXTS, TEXTS_PER_REQUEST)


def token_dialect(wire: Wire) -> Dialect[Sequence[Prefix], Sequence[NextToken]]:
    """Prefixes to next tokens, one a request, through completions; raises UsageError for a format that has none.

    Tokens are told by number where the server can (vLLM's ``return_tokens_as_token_ids``), otherwise by ``wire.tokens``,
    the texts of the vocabulary.
    """
    if wire.format != "openai-completions":
        raise UsageError(f"the format {wire.format!r} carries no next tokens", hint="Next tokens: openai-completions.")
    known = {text: number for number, text in enumerate(wire.tokens)}

    def encode(prefixes: Sequence[Prefix], model: str) -> object:
        prefix = prefixes[0]
        asked: dict[str, object] = {"model": model, "prompt": list(prefix.context), "temperature": 0, "max_tokens": 1}
        if wire.shown:
            asked["logprobs"] = wire.shown
        if prefix.bias:
            asked["logit_bias"] = {str(token): value for token, value in prefix.bias.items()}
        return asked if known else asked | {"return_tokens_as_token_ids": True}

    def decode(document: object, count: int) -> Sequence[NextToken]:
        choice = first(field(document, "choices"))
        shown = choice.get("logprobs") if isinstance(choice, Mapping) else None
        top: object = {}
        if isinstance(shown, Mapping) and shown.get("top_logprobs"):
            top = first(shown["top_logprobs"])
        if not isinstance(top, Mapping):
            raise unexpected("log-probabilities by token", top)
        numbered = {_token(text, known): _number(value) for text, value in top.items()}
        written = shown.get("tokens") if isinstance(shown, Mapping) else None
        chosen = first(written) if written else field(choice, "text")
        return [NextToken(_token(chosen, known), numbered)]

    return Dialect(lambda model: "/v1/completions", encode, decode, TOKENS, 1)


def _written(document: object) -> str:
    text = field(field(first(field(document, "choices")), "message"), "content")
    if not isinstance(text, str):
        raise unexpected("a text", text)
    return text


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unexpected("a number", value)
    return float(value)


def _token(text: object, known: Mapping[str, int]) -> int:
    if isinstance(text, str):
        number = text.removeprefix(TOKEN_ID)
        if number != text and number.isdecimal():
            return int(number)
        if text in known:
            return known[text]
    raise UnexpectedAnswer(f"found token {text!r}, expected a number or a text of the vocabulary")
