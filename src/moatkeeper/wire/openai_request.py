"""What all OpenAI-compatible requests share: JSON in, known fields only, sound numbers, an estimate of their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from moatkeeper.core.contract import Contract
from moatkeeper.core.quick import quick
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer, UnsupportedMedia
from moatkeeper.wire.base import Asked, Message, Outgoing, media_parameters

BYTES_A_TOKEN: Final = 3
"""Of UTF-8 text, rounded up: English has about 4, code 3, Chinese about 3 (one character). Dense text may have less, so this
estimates a reservation; the true count replaces it."""

MESSAGE_BYTES: Final = 12
"""What a chat template adds to each message: about four tokens."""

MEDIA_BYTES: Final = 6144
"""A picture, recording or file counts as 2,048 tokens, of the order that vision encoders make of one picture."""

UNSTATED_TOKENS: Final = 1024
"""Reserved a choice where the request states no maximum; servers then stop at an end mark or at their context."""

MAX_TOKENS: Final = 1 << 24
"""No context is as long; a larger number is a mistake or an attempt to overflow a server's."""

MAX_CHOICES: Final = 128
"""OpenAI's own bound of ``n``."""

MAX_NAME: Final = 256
"""Characters of a model's name: it is a key in limits and in the ledger."""

_MAX_DEPTH = 64
_MEDIA_FIELDS = frozenset({"image_url", "audio_url", "video_url", "input_audio", "file", "file_data", "file_url"})

JSON_ANSWER: Mapping[bytes, bytes | None] = {b"content-type": b"application/json"}
"""What every whole answer is, whatever the server called it."""

_JSON_HEADERS: Mapping[bytes, bytes | None] = {
    b"content-type": b"application/json",
    b"accept-encoding": b"identity",
    b"endpoint-load-metrics-format": None,  # asks vLLM for its load and cache figures in the answer's headers
}


KNOB_DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "temperature",
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "repeat_penalty",
            "length_penalty",
            "dry_multiplier",
            "dry_base",
            "mirostat_tau",
            "dynatemp_range",
            "dynatemp_exponent",
        ),
        1,
    ),
    **dict.fromkeys(("top_p", "min_p", "typical_p", "xtc_threshold", "xtc_probability", "mirostat_eta"), 2),
}
"""Decimals of the sampler's knobs that reach the model server: as many as settings in use have."""

_NEVER_ZERO = frozenset({"top_p", "repetition_penalty", "repeat_penalty"})
"""Zero is an error here, or no penalty at all: a small number becomes one step instead."""


@quick
@dataclass(frozen=True, slots=True)
class Question:
    """A parsed request: its known fields, the prompt's tokens as estimated, and whether the caller asked for usage."""

    fields: Mapping[str, object]
    prompt_tokens: int
    wants_usage: bool = False


def question(asked: Asked) -> Question:
    """The parsed request that ``read`` left in ``asked``."""
    if not isinstance(asked.document, Question):
        raise TypeError("this codec needs what its own read gave")
    return asked.document


def names(words: str) -> frozenset[str]:
    """The words of a text, as field names."""
    return frozenset(words.split())


def read_fields(message: Message, known: frozenset[str]) -> dict[str, object]:
    """The known fields of a JSON body, in their order; raises MalformedRequest or UnsupportedMedia."""
    for name, value in message.headers:
        if name == b"content-type":
            if value != b"application/json":
                _check_media(message)
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise UnsupportedMedia("the body is encoded, expected plain JSON")
    try:
        document = orjson.loads(message.body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedRequest(f"the body is {kind_of(document)}, expected an object")
    return {name: value for name, value in document.items() if name in known}


def write_request(fields: Mapping[str, object]) -> Outgoing:
    """The request as the model server will see it; raises MalformedRequest where it is nested too deeply."""
    return Outgoing(dump_request(fields), _JSON_HEADERS)


def dump_request(value: object) -> bytes:
    """JSON of a part of the request; raises MalformedRequest where it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError:  # the parser goes deeper than the writer does
        raise MalformedRequest("the body is nested too deeply") from None


def load_answer(body: bytes) -> dict[str, object]:
    """The server's JSON object; raises UnexpectedAnswer."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnexpectedAnswer(f"the answer is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise UnexpectedAnswer(f"the answer is {kind_of(document)}, expected an object")
    return document


def dump_answer(value: object) -> bytes:
    """JSON of an answer; raises UnexpectedAnswer where it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError:
        raise UnexpectedAnswer("the answer is nested too deeply") from None


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return "null"


_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
}


def model_name(fields: Mapping[str, object]) -> str:
    """The model asked for; empty where the server is to choose."""
    name = fields.get("model")
    if name is None:
        return ""
    if not isinstance(name, str):
        raise MalformedRequest(f"model is {kind_of(name)}, expected a string")
    if len(name) > MAX_NAME:
        raise MalformedRequest(f"model has {len(name)} characters, expected at most {MAX_NAME}")
    return name


def whole(fields: Mapping[str, object], name: str, low: int, high: int) -> int | None:
    """A whole number between ``low`` and ``high``, or None where the field is absent or null."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise MalformedRequest(f"{name} is {kind_of(value)}, expected a whole number")
    if not low <= value <= high:
        raise MalformedRequest(f"{name} is {value}, expected {low} to {high}")
    return value


def flag(fields: Mapping[str, object], name: str) -> bool:
    """A boolean; False where the field is absent or null."""
    value = fields.get(name)
    if value is None or value is False:
        return False
    if value is not True:
        raise MalformedRequest(f"{name} is {kind_of(value)}, expected a boolean")
    return True


def max_tokens(fields: dict[str, object], maxima: tuple[str, ...]) -> int:
    """The largest number of tokens that one choice may have, UNSTATED_TOKENS where none is stated.

    Removes -1, which means "no maximum" to some servers and is an error to others.
    """
    stated = None
    for name in maxima:
        if fields.get(name) == -1:
            del fields[name]
        value = whole(fields, name, 1, MAX_TOKENS)
        if value is not None:
            stated = value if stated is None else max(stated, value)
    least = whole(fields, "min_tokens", 0, MAX_TOKENS) or 0
    return max(least, UNSTATED_TOKENS if stated is None else stated)


def wants_usage(fields: Mapping[str, object]) -> bool:
    """Whether the caller asked for usage at the end of its stream."""
    options = fields.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise MalformedRequest(f"stream_options is {kind_of(options)}, expected an object")
    return flag(options, "include_usage")


def ask_for_usage(fields: dict[str, object]) -> None:
    """Has the server count a stream's tokens for us, whether or not the caller wants to know them."""
    if fields.get("stream") is not True:
        fields.pop("stream_options", None)
        return
    options: dict[str, object] = {"include_usage": True}
    given = fields.get("stream_options")
    if isinstance(given, dict) and isinstance(given.get("include_obfuscation"), bool):
        options["include_obfuscation"] = given["include_obfuscation"]
    fields["stream_options"] = options


def clamp(fields: dict[str, object], name: str, ceiling: int) -> None:
    """Lowers a whole number to the ceiling."""
    value = fields.get(name)
    if isinstance(value, int) and value > ceiling:
        fields[name] = ceiling


def clamp_max_tokens(fields: dict[str, object], maxima: tuple[str, ...], contract: Contract) -> None:
    """Lowers every stated maximum to the contract's, and states it (by the last name) where none was."""
    ceiling = contract.max_tokens
    if ceiling is None:
        return
    for name in (*maxima, "min_tokens"):
        clamp(fields, name, ceiling)
    if all(fields.get(name) is None for name in maxima):
        fields[maxima[-1]] = ceiling


def coarsen(fields: dict[str, object], contract: Contract) -> None:
    """Rounds the sampler's knobs, unless log-probabilities may be had anyhow; raises MalformedRequest for one in quotes,
    which servers read as the number that it spells.

    At temperature 0 a knob that moves scores against each other tells by bisection how far apart two tokens are; on a
    coarse grid it tells no more than which side of a step they lie on.
    """
    if contract.log_probabilities:
        return
    for name, decimals in KNOB_DECIMALS.items():
        value = fields.get(name)
        if value is None or type(value) is int:
            continue
        if type(value) is not float:
            raise MalformedRequest(f"{name} is {kind_of(value)}, expected a number")
        rounded = round(value, decimals)
        fields[name] = 10.0**-decimals if not rounded and value > 0 and name in _NEVER_ZERO else rounded


def in_tokens(size: int) -> int:
    """Tokens in so many bytes of text, rounded up."""
    return -(-size // BYTES_A_TOKEN)


def text_bytes(value: object, depth: int = 0) -> int:
    """Bytes of all text in a JSON value, with MEDIA_BYTES for each picture or file; raises MalformedRequest too deep down."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if depth > _MAX_DEPTH:
        raise MalformedRequest("the body is nested too deeply")
    if isinstance(value, list):
        return sum(text_bytes(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return sum(
            MEDIA_BYTES if name in _MEDIA_FIELDS else text_bytes(item, depth + 1)
            for name, item in value.items()
            if item is not None
        )
    return 0


def schema_bytes(fields: Mapping[str, object], schemas: tuple[str, ...]) -> int:
    """Bytes of the named fields as JSON: tools and schemas are written into the prompt."""
    return sum(len(dump_request(fields[name])) for name in schemas if fields.get(name))


def _check_media(message: Message) -> None:
    media = message.header(b"content-type").split(b";", 1)[0].strip().lower()
    if media != b"application/json":
        raise UnsupportedMedia(f"the body is {media.decode('latin-1')[:64]!r}, expected application/json")
    if media_parameters(message).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("the body's charset is not UTF-8")
