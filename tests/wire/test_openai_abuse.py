"""Ways to get more out of the OpenAI-compatible paths than was paid for, each of which once worked."""

from __future__ import annotations

import orjson
import pytest

from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.errors import MalformedRequest
from moatkeeper.wire.base import Asked, Codec, Message
from moatkeeper.wire.openai import OpenAI
from moatkeeper.wire.openai_chat import SAMPLING
from moatkeeper.wire.openai_request import KNOB_DECIMALS, names

CREATED = (
    b'data: {"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,"model":"m",'
    b'"status":"in_progress","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[]}}\n\n'
)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TRACE = 'boom 0.123456789\nSECRET\nTraceback (most recent call last):\n  File "/srv/model.py", line 1, SECRET'

FAILED = {"id": "r", "status": "failed", "output": [], "error": {"code": "server_error", "message": TRACE + "x" * 9000}}


def reading(path: str, document: object) -> tuple[Codec, Asked]:
    formats = OpenAI()
    route = formats.match("POST", path)
    assert route is not None
    codec = formats.codec(route)
    return codec, codec.read(route, Message(((b"content-type", b"application/json"),), orjson.dumps(document)))


@pytest.mark.parametrize(("background", "counted"), [(True, True), (False, False)])
def test_a_background_response_counts_whole_although_its_client_left_at_once(background: bool, counted: bool) -> None:
    asks = {"model": "m", "input": "hi", "stream": True, "background": background, "max_output_tokens": 2900}
    codec, asked = reading("/v1/responses", asks)
    stream = codec.stream(asked, Contract())
    assert (stream.tokens == asked.tokens) is counted
    stream.feed(CREATED)
    assert (stream.tokens == asked.tokens) is counted


def test_a_minimum_of_tokens_is_reserved() -> None:
    _, asked = reading("/v1/chat/completions", {**CHAT, "min_tokens": 100_000})
    assert asked.tokens >= 100_000


def test_the_knobs_of_the_sampler_are_too_coarse_to_bisect_with() -> None:
    codec, asked = reading("/v1/chat/completions", {**CHAT, "repetition_penalty": 1.10248328, "min_p": 0.123456})
    body = codec.forward(asked, Contract()).body
    assert body is not None
    assert (orjson.loads(body)["repetition_penalty"], orjson.loads(body)["min_p"]) == (1.1, 0.12)
    unguarded = codec.forward(asked, FULL_OUTPUT).body
    assert unguarded is not None
    assert orjson.loads(unguarded)["repetition_penalty"] == 1.10248328


@pytest.mark.parametrize(
    ("path", "asks", "event"),
    [
        ("/v1/chat/completions", {**CHAT, "stream": True}, {"error": {"message": TRACE}}),
        ("/v1/responses", {"model": "m", "input": "hi", "stream": True}, {"type": "error", "message": TRACE}),
        (
            "/v1/responses",
            {"model": "m", "input": "hi", "stream": True},
            {"type": "response.failed", "sequence_number": 1, "response": FAILED},
        ),
    ],
)
def test_an_error_inside_a_stream_is_a_sentence_and_no_trace(path: str, asks: object, event: object) -> None:
    codec, asked = reading(path, asks)
    out = codec.stream(asked, Contract()).feed(b"data: " + orjson.dumps(event) + b"\n\n")
    assert b"boom 0.12" in out
    assert b"SECRET" not in out
    assert b"0.123" not in out
    assert len(out) < 600


def test_a_failed_response_says_one_sentence_and_no_trace() -> None:
    codec, asked = reading("/v1/responses", {"model": "m", "input": "hi"})
    given = codec.answer(asked, Message((), orjson.dumps(FAILED), 200))
    body = codec.deliver(given, given.answer, Contract()).body
    assert body is not None
    assert orjson.loads(body)["error"] == {"code": "server_error", "message": "boom 0.12"}


USAGE = {"usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}


def test_a_count_stated_on_the_way_does_not_lower_what_a_background_response_counts() -> None:
    codec, asked = reading("/v1/responses", {"model": "m", "input": "hi", "stream": True, "background": True})
    stream = codec.stream(asked, Contract())
    for kind, counted in (("response.in_progress", asked.tokens), ("response.completed", 3)):
        response = {"id": "r", "status": kind.removeprefix("response."), "output": [], **USAGE}
        stream.feed(b"data: " + orjson.dumps({"type": kind, "sequence_number": 1, "response": response}) + b"\n\n")
        assert stream.tokens == counted


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_unfinished_response_counts_whole_whatever_it_states(status: str) -> None:
    codec, asked = reading("/v1/responses", {"model": "m", "input": "hi", "background": True})
    document = {"id": "r", "status": status, "output": [], **USAGE}
    assert codec.answer(asked, Message((), orjson.dumps(document), 200)).answer.tokens == asked.tokens


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
@pytest.mark.parametrize("name", sorted(KNOB_DECIMALS))
def test_no_knob_reaches_the_server_finer_than_its_grid(path: str, name: str) -> None:
    asks = {**CHAT, "prompt": "hi", "input": "hi"}
    codec, asked = reading(path, {**asks, name: 0.123456789})
    body = codec.forward(asked, Contract()).body
    assert body is not None
    assert orjson.loads(body)[name] == round(0.123456789, KNOB_DECIMALS[name])
    quoted, asked = reading(path, {**asks, name: "0.123456789"})
    with pytest.raises(MalformedRequest, match=f"{name} is a string"):
        quoted.forward(asked, Contract())


def test_every_number_of_the_sampler_that_is_not_whole_has_a_grid() -> None:
    """All that SAMPLING takes on and that is no grid is a whole number, a switch or a text to its servers."""
    assert SAMPLING - set(KNOB_DECIMALS) == names(
        "top_k seed stop stop_token_ids repeat_last_n min_tokens ignore_eos skip_special_tokens spaces_between_special_tokens"
        " include_stop_str_in_output truncate_prompt_tokens truncation_side add_special_tokens mirostat dry_allowed_length"
        " dry_penalty_last_n dry_sequence_breakers thinking_token_budget cache_salt"
    )


@pytest.mark.parametrize(("name", "step"), [("top_p", 0.01), ("repetition_penalty", 0.1), ("temperature", 0.0)])
def test_a_small_knob_keeps_its_meaning(name: str, step: float) -> None:
    codec, asked = reading("/v1/chat/completions", {**CHAT, name: 0.001})
    body = codec.forward(asked, Contract()).body
    assert body is not None
    assert orjson.loads(body)[name] == step


def test_a_minimum_of_tokens_is_reserved_for_every_choice_and_lowered_to_the_contract() -> None:
    codec, asked = reading("/v1/chat/completions", {**CHAT, "min_tokens": 100_000, "n": 3})
    assert asked.tokens >= 300_000
    body = codec.forward(asked, Contract(max_tokens=50)).body
    assert body is not None
    assert orjson.loads(body)["min_tokens"] == 50
