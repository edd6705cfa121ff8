from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer, UnsupportedMedia
from moatkeeper.wire.base import Asked, Message, Purpose, Route
from moatkeeper.wire.openai_chat import ChatCodec
from moatkeeper.wire.openai_request import MAX_CHOICES, UNSTATED_TOKENS

CODEC = ChatCodec()
ROUTE = Route("openai", "chat", Purpose.INFER)
HEADERS = ((b"content-type", b"application/json; charset=utf-8"),)
MESSAGES = [{"role": "user", "content": "x" * 30}]
PROMPT = 14  # 30 bytes of text and 12 for the template, at 3 bytes a token
END = b"data: [DONE]\n\n"


def read(**fields: object) -> Asked:
    return CODEC.read(ROUTE, Message(HEADERS, orjson.dumps({"model": "m", "messages": MESSAGES, **fields})))


def forwarded(contract: Contract, **fields: object) -> dict[str, object]:
    document = orjson.loads(CODEC.forward(read(**fields), contract).body or b"")
    assert isinstance(document, dict)
    assert document.pop("model") == "m"
    assert document.pop("messages") == MESSAGES
    return document


def chunk(text: str, index: int = 0, finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return framed({"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m2", "choices": [choice]})


def framed(document: object) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def test_a_request_reserves_its_prompt_and_all_that_every_choice_may_generate() -> None:
    asked = read(n=3, max_tokens=10, max_completion_tokens=20)
    assert (asked.model, asked.inputs.kind, asked.inputs.rows) == ("m", InputKind.CHATS, 3)
    assert asked.inputs.values == (MESSAGES,) * 3
    assert asked.tokens == PROMPT + 3 * 20
    assert read().tokens == PROMPT + UNSTATED_TOKENS
    assert read(max_tokens=-1).tokens == PROMPT + UNSTATED_TOKENS


def test_schemas_count_and_pictures_count_as_pictures_not_as_their_bytes() -> None:
    tools = [{"type": "function", "function": {"name": "f" * 300}}]
    assert read(tools=tools).tokens > read().tokens + 100
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:" + "A" * 90_000}}]}]
    assert 2048 < read(messages=picture).tokens - UNSTATED_TOKENS < 2100
    assert read(messages=[{"role": "user", "content": "汉" * 10}]).tokens == PROMPT + UNSTATED_TOKENS


def test_scores_biases_and_side_doors_are_not_asked_for() -> None:
    asked_for = {
        "logprobs": True,
        "top_logprobs": 20,
        "logit_bias": {"1": 100},
        "prompt_logprobs": 1,
        "logprob_token_ids": [1],
        "n_probs": 10,
        "return_token_ids": True,
        "allowed_token_ids": [1, 2],
        "bad_words": ["a"],
        "chat_template": "{{x}}",
        "watermarking": False,
        "store": True,
        "priority": -9,
        "id_slot": 1,
        "n_predict": 99,
        "kv_transfer_params": {},
        "stream_interval": 50,
        "a_field_of_tomorrow": 1,
        "chat_template_kwargs": {"enable_thinking": False, "tokenize": True, "chat_template": "x"},
        "temperature": 0.5,
        "stop": ["a"],
    }
    harmless = {"chat_template_kwargs": {"enable_thinking": False}, "temperature": 0.5, "stop": ["a"]}
    assert forwarded(Contract(), **asked_for) == harmless
    assert forwarded(FULL_OUTPUT, **asked_for) == {"logprobs": True, "top_logprobs": 20, **harmless}
    promised = Contract(log_probabilities=True, top_log_probabilities=3)
    assert forwarded(promised, **asked_for) == {"logprobs": True, "top_logprobs": 3, **harmless}


def test_numbers_are_clamped_to_the_contract() -> None:
    tight = Contract(max_tokens=16, max_choices=2)
    assert forwarded(tight) == {"max_tokens": 16}
    assert forwarded(tight, max_tokens=None) == {"max_tokens": 16}
    assert forwarded(tight, max_completion_tokens=99, n=5) == {"max_completion_tokens": 16, "n": 2}
    assert forwarded(tight, max_tokens=8, min_tokens=20, n=2) == {"max_tokens": 8, "min_tokens": 16, "n": 2}
    assert forwarded(Contract(), max_tokens=-1) == {}


def test_usage_is_asked_for_on_streams_only() -> None:
    assert forwarded(Contract(), stream=True)["stream_options"] == {"include_usage": True}
    options = {"include_usage": False, "include_obfuscation": False, "continuous_usage_stats": True}
    expected = {"include_usage": True, "include_obfuscation": False}
    assert forwarded(Contract(), stream=True, stream_options=options)["stream_options"] == expected
    assert forwarded(Contract(), stream=False, stream_options=None) == {"stream": False}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"messages": None}, "messages is null"),
        ({"messages": []}, "messages is an empty list"),
        ({"messages": "hi"}, "messages is a string"),
        ({"messages": ["hi"]}, r"messages\[0\] is not an object with a role"),
        ({"messages": [{"content": "hi"}]}, r"messages\[0\] is not an object with a role"),
        ({"messages": [{"role": "user", "content": 1}]}, r"messages\[0\]\.content is a whole number"),
        ({"messages": [{"role": "user", "content": [{"type": "prompt_embeds", "data": "A"}]}]}, "unknown type"),
        ({"messages": [{"role": "user", "content": [{"image_embeds": "A"}]}]}, "unknown type"),
        ({"model": 1}, "model is a whole number"),
        ({"model": "m" * 300}, "300 characters"),
        ({"n": 0}, "n is 0, expected 1 to 128"),
        ({"n": MAX_CHOICES + 1}, "n is 129"),
        ({"n": 1.0}, "n is a number"),
        ({"n": True}, "n is a boolean"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_tokens": 2**62}, "max_tokens is"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens is a string"),
        ({"stream": 1}, "stream is a whole number"),
        ({"stream_options": []}, "stream_options is a list"),
        ({"logprobs": 5}, "logprobs is a whole number"),
        ({"top_logprobs": -1}, "top_logprobs is -1"),
    ],
)
def test_a_bad_request_is_told_what_was_found(fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        read(**fields)


@pytest.mark.parametrize(
    "headers",
    [
        ((b"content-type", b"text/plain"),),
        ((b"content-type", b"application/x-www-form-urlencoded"),),
        ((b"content-type", b"application/json; charset=utf-16"),),
        ((b"content-type", b"application/json"), (b"content-encoding", b"gzip")),
    ],
)
def test_other_media_are_not_spoken(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(UnsupportedMedia):
        CODEC.read(ROUTE, Message(headers, b"{}"))


def test_tokens_are_the_servers_count_else_an_estimate() -> None:
    asked = read()
    choice = {"index": 0, "message": {"role": "assistant", "content": "y" * 60}}
    for usage, expected in (({"total_tokens": 99}, 99), (None, PROMPT + 23), ({"total_tokens": "9"}, PROMPT + 23)):
        document = {"choices": [choice], "usage": usage}
        assert CODEC.answer(asked, Message((), orjson.dumps(document), 200)).answer.tokens == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices": 1}', b'{"error": {"message": "x"}}', b'{"choices": [NaN]}'])
def test_an_answer_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        CODEC.answer(read(), Message((), body, 200))


def test_log_probabilities_become_null_and_the_fingerprint_too() -> None:
    document = {"id": "c", "system_fingerprint": "fp", "choices": [{"index": 0, "logprobs": {"content": []}}]}
    given_answer = CODEC.answer(read(), Message((), orjson.dumps(document), 200))
    out = CODEC.deliver(given_answer, Answer(()), Contract())
    assert out.body == b'{"id":"c","system_fingerprint":null,"choices":[{"index":0,"logprobs":null}]}'
    assert out.headers == {b"content-type": b"application/json"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=6), st.booleans())
def test_a_stream_gives_the_same_bytes_however_it_is_cut(cuts: list[int], broken: bool) -> None:
    source = b": ping\n\n" + chunk("a") + chunk("b") + (b"data: {oops\n\n" if broken else b"") + chunk("c") + END
    bounds = sorted({0, len(source), *(min(cut, len(source)) for cut in cuts)})
    stream = CODEC.stream(read(stream=True), Contract())
    out = b""
    failed = False
    try:
        for low, high in pairwise(bounds):
            out += stream.feed(source[low:high])
        out += stream.finish()
    except UnexpectedAnswer:
        failed = True
    assert failed is broken
    assert out == b":\n\n" + chunk("a") + chunk("b") + (b"" if broken else chunk("c") + END)


def test_an_event_goes_out_in_the_call_that_completes_it() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    whole = chunk("a")
    assert stream.feed(whole[:-1]) == b""
    assert stream.feed(whole[-1:] + chunk("b") + b"data: {") == whole + chunk("b")


def test_tokens_are_counted_while_a_stream_runs_and_corrected_by_the_servers_usage() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    counts = [stream.tokens]
    for text in ("", "a", "b", "a delta of thirty-two bytes, yes"):
        stream.feed(chunk(text))
        counts.append(stream.tokens)
    assert counts == [0, 0, PROMPT + 1, PROMPT + 2, PROMPT + 10]
    assert stream.feed(framed({"id": "c", "choices": [], "usage": {"total_tokens": 44}})) == b""
    assert stream.tokens == 44


def test_a_cut_ends_every_open_choice_with_length_and_the_end_mark() -> None:
    stream = CODEC.stream(read(stream=True, n=3), Contract())
    stream.feed(chunk("a", 0) + chunk("b", 1, "stop") + chunk("c", 2) + b'data: {"half')
    event, end = stream.cut().split(b"\n\n", 1)
    closing = ChatCompletionChunk.model_validate_json(event.removeprefix(b"data: "), strict=True)
    assert [(choice.index, choice.finish_reason) for choice in closing.choices] == [(0, "length"), (2, "length")]
    assert (closing.id, closing.created, closing.model) == ("c", 7, "m2")
    assert end == END
    assert (stream.feed(chunk("more")), stream.finish(), stream.cut()) == (b"", b"", b"")


def test_a_cut_before_the_first_event_is_well_formed_and_after_the_last_is_empty() -> None:
    early = CODEC.stream(read(stream=True), Contract()).cut()
    closing = ChatCompletionChunk.model_validate_json(early.split(b"\n\n")[0].removeprefix(b"data: "), strict=True)
    assert (closing.model, closing.choices[0].finish_reason) == ("m", "length")
    done = CODEC.stream(read(stream=True), Contract())
    assert done.feed(chunk("a", finish="stop") + END + chunk("late")) == chunk("a", finish="stop") + END
    assert done.cut() == b""
    finished = CODEC.stream(read(stream=True), Contract())
    finished.feed(chunk("a", finish="stop"))
    assert finished.cut() == END


def test_a_stream_may_end_without_its_mark_but_not_inside_an_event() -> None:
    clean = CODEC.stream(read(stream=True), Contract())
    assert clean.feed(chunk("a")) == chunk("a")
    assert clean.finish() == b""
    hasty = CODEC.stream(read(stream=True), Contract())
    assert hasty.feed(chunk("a") + b"data: [DONE]\n") + hasty.finish() == chunk("a") + END
    torn = CODEC.stream(read(stream=True), Contract())
    assert torn.feed(chunk("a") + chunk("b")[:-1]) == chunk("a")
    with pytest.raises(UnexpectedAnswer, match="inside an event"):
        torn.finish()


@pytest.mark.parametrize(
    "event", [b"data: {}\n\n", b"data: 1\n\n", b"data: {oops\n\n", b"data: \xff\n\n", b'data: {"choices":{}}\n\n']
)
def test_an_event_of_another_form_is_refused_and_stays_refused(event: bytes) -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    assert stream.feed(chunk("a") + event + chunk("b")) == chunk("a")
    for _ in range(2):
        with pytest.raises(UnexpectedAnswer):
            stream.feed(chunk("c"))
    with pytest.raises(UnexpectedAnswer):
        stream.finish()
