"""`POST /v1/embeddings`: vectors out as floats or base64, whichever the caller asked for.

What may be asked is a list of known fields. ``dimensions`` may only lower what the contract allows. Dropped on purpose:
vLLM's `normalize`, `use_activation`, `embed_dtype` and `endianness` (raw vectors, and encodings that are not read here).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

import numpy as np
import orjson

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray, Inputs
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Given, Message, Outgoing, Route, Stream
from moatkeeper.wire.openai_completions import read_prompts
from moatkeeper.wire.openai_request import (
    JSON_ANSWER,
    MAX_TOKENS,
    Question,
    clamp,
    load_answer,
    model_name,
    names,
    question,
    read_fields,
    whole,
    write_request,
)
from moatkeeper.wire.openai_shapes import record, scalar, scalars
from moatkeeper.wire.openai_stream import stated_tokens

OUTPUT = "embedding"
"""The name of the one output."""

_FIELDS = names(
    "model input encoding_format dimensions user truncate_prompt_tokens truncation_side add_special_tokens cache_salt"
)
_LITTLE_FLOATS = np.dtype("<f4")
_LARGEST = float(np.finfo(np.float32).max)
_TOP = record({"object": scalar, "model": scalar, "usage": record(scalars("prompt_tokens total_tokens"))})


@dataclass(frozen=True, slots=True)
class _Vectors:
    """A parsed answer: its envelope, the index of each vector, and whether the caller wants base64."""

    document: dict[str, object]
    indices: tuple[int, ...]
    base64: bool


@dataclass(frozen=True, slots=True)
class EmbeddingsCodec:
    """Embeddings of texts or of token ids."""

    def read(self, route: Route, message: Message) -> Asked:
        """One row an input."""
        fields = read_fields(message, _FIELDS)
        prompts = read_prompts(fields.get("input"), "input")
        whole(fields, "dimensions", 1, MAX_TOKENS)
        encoding = fields.get("encoding_format")
        if encoding not in (None, "float", "base64"):
            raise MalformedRequest("encoding_format is neither float nor base64")
        inputs = Inputs(prompts.kind, len(prompts.rows), prompts.rows)
        return Asked(
            route,
            model_name(fields),
            inputs,
            prompts.tokens,
            frozenset({OUTPUT}),
            document=Question(fields, prompts.tokens),
        )

    def forward(self, asked: Asked, contract: Contract) -> Outgoing:
        """The known fields, with no more dimensions than the contract has; dimensions are never asked for on our own account,
        since most models refuse them: the answer is shortened instead."""
        fields = dict(question(asked).fields)
        if contract.embedding_dimensions is not None:
            clamp(fields, "dimensions", contract.embedding_dimensions)
        return write_request(fields)

    def answer(self, asked: Asked, reply: Message) -> Given:
        """The vectors, shape (n, e); raises UnexpectedAnswer where they are not one a row, of one length, and finite."""
        document = load_answer(reply.body)
        data = document.get("data")
        if not isinstance(data, list) or len(data) != asked.inputs.rows:
            raise UnexpectedAnswer(f"the answer has not the {asked.inputs.rows} embeddings that were asked for")
        values = _read_vectors(data)
        tokens = stated_tokens(document.get("usage")) or asked.tokens
        base64 = question(asked).fields.get("encoding_format") == "base64"
        indices = tuple(_index(entry, place) for place, entry in enumerate(data))
        return Given(Answer((Output(OUTPUT, OutputKind.EMBEDDINGS, values),), tokens), _Vectors(document, indices, base64))

    def deliver(self, given: Given, released: Answer, contract: Contract) -> Outgoing:
        """The released vectors in the caller's encoding; empty vectors where the output was not released."""
        vectors = given.document
        if not isinstance(vectors, _Vectors):
            raise TypeError("deliver needs the document that answer gave")
        values = _released(released, len(vectors.indices)).astype(_LITTLE_FLOATS)
        envelope = _TOP(vectors.document, contract)
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": b64encode(row.tobytes()).decode("ascii") if vectors.base64 else row,
            }
            for index, row in zip(vectors.indices, values, strict=True)
        ]
        body = {**envelope, "data": data} if isinstance(envelope, dict) else {"data": data}
        return Outgoing(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), JSON_ANSWER)

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """Never: embeddings do not come as a stream."""
        raise UnexpectedAnswer("an event stream where embeddings were asked for")


def _released(released: Answer, rows: int) -> FloatArray:
    """The vectors that go out, shape (rows, e), with e of 0 where none do."""
    for output in released.outputs:
        if output.kind is OutputKind.EMBEDDINGS and output.values is not None:
            return output.values
    return np.empty((rows, 0), dtype=np.float64)


def _read_vectors(data: list[object]) -> FloatArray:
    """The vectors of all entries, shape (n, e), from lists of floats or from base64 of little-endian float32."""
    rows = [entry.get("embedding") if isinstance(entry, dict) else None for entry in data]
    values = _from_base64(rows) if isinstance(rows[0], str) else _from_lists(rows)
    if not values.shape[1] or not (np.abs(values) <= _LARGEST).all():  # not so either for a NaN
        raise UnexpectedAnswer("an embedding is empty, or holds a number that is no finite float32")
    return values


def _from_base64(rows: list[object]) -> FloatArray:
    parts: list[bytes] = []
    for row in rows:
        if not isinstance(row, str):
            raise UnexpectedAnswer("some embeddings are base64 and some are not")
        try:
            parts.append(b64decode(row, validate=True))
        except (Base64Error, ValueError):
            raise UnexpectedAnswer("an embedding is not valid base64") from None
    if len({len(part) for part in parts}) != 1 or len(parts[0]) % _LITTLE_FLOATS.itemsize:
        raise UnexpectedAnswer("embeddings have not one length in whole float32 numbers")
    return np.frombuffer(b"".join(parts), _LITTLE_FLOATS).reshape(len(parts), -1).astype(np.float64)


def _from_lists(rows: list[object]) -> FloatArray:
    try:
        values = np.asarray(rows)
    except ValueError:
        raise UnexpectedAnswer("embeddings have not one length") from None
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        raise UnexpectedAnswer("embeddings are not lists of numbers, one a row")
    return values.astype(np.float64, copy=False)


def _index(entry: object, place: int) -> int:
    index = entry.get("index") if isinstance(entry, dict) else None
    return index if type(index) is int else place
