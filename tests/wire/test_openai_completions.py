from __future__ import annotations

import orjson
import pytest
from openai.types import Completion

from moatkeeper.core.contract import Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer
from moatkeeper.wire.base import Asked, Message, Purpose, Route
from moatkeeper.wire.openai_completions import CompletionsCodec
from moatkeeper.wire.openai_request import UNSTATED_TOKENS

CODEC = CompletionsCodec()
ROUTE = Route("openai", "completions", Purpose.INFER)
PROMISED = Contract(log_probabilities=True, top_log_probabilities=2)


def read(**fields: object) -> Asked:
    return CODEC.read(ROUTE, Message((), orjson.dumps({"prompt": "abc", **fields})))


def forwarded(contract: Contract, **fields: object) -> dict[str, object]:
    document = orjson.loads(CODEC.forward(read(**fields), contract).body or b"")
    assert isinstance(document, dict)
    document.pop("prompt")
    return document


def delivered(contract: Contract, logprobs: object) -> object:
    document = {"choices": [{"index": 0, "text": "x", "logprobs": logprobs}]}
    given = CODEC.answer(read(), Message((), orjson.dumps(document), 200))
    return orjson.loads(CODEC.deliver(given, given.answer, contract).body or b"")["choices"][0]["logprobs"]


@pytest.mark.parametrize(
    ("prompt", "kind", "rows", "tokens"),
    [
        ("abcd", InputKind.TEXTS, 1, 2),
        (["abc", "abcd"], InputKind.TEXTS, 2, 3),
        ([1, 2, 3, 4], InputKind.OPAQUE, 1, 4),
        ([[1, 2], [3]], InputKind.OPAQUE, 2, 3),
    ],
)
def test_every_form_of_prompt_counts_its_rows_and_tokens(prompt: object, kind: InputKind, rows: int, tokens: int) -> None:
    asked = read(prompt=prompt, max_tokens=10)
    assert (asked.inputs.kind, asked.inputs.rows, asked.tokens) == (kind, rows, tokens + rows * 10)
    several = read(prompt=prompt, n=2, best_of=3, max_tokens=10)
    assert (several.inputs.rows, several.tokens) == (rows * 2, tokens + rows * 3 * 10)
    assert read(prompt=prompt).tokens == tokens + rows * UNSTATED_TOKENS


@pytest.mark.parametrize("prompt", [None, [], [""] * 0, ["a", 1], [1.5], [True], [[]], [["a"]], {"a": 1}, [None]])
def test_a_prompt_of_another_form_is_refused(prompt: object) -> None:
    with pytest.raises(MalformedRequest, match="expected a string"):
        read(prompt=prompt)


def test_echo_and_log_probabilities_are_never_asked_for_together() -> None:
    assert forwarded(Contract(), echo=True, logprobs=5) == {"echo": True}
    assert forwarded(PROMISED, echo=True, logprobs=5) == {"logprobs": 2}
    assert forwarded(PROMISED, echo=True, logprobs=0) == {"logprobs": 0}
    assert forwarded(PROMISED, echo=True) == {"echo": True}


def test_choices_are_clamped_and_other_names_for_them_dropped() -> None:
    tight = Contract(max_choices=2, max_tokens=7)
    assert forwarded(tight, n=4, best_of=5, use_beam_search=True, n_predict=90) == {"n": 2, "best_of": 2, "max_tokens": 7}


def test_log_probabilities_are_null_or_rounded_and_capped_in_either_form() -> None:
    lists = {
        "tokens": ["a", "b"],
        "token_logprobs": [None, -0.123],
        "top_logprobs": [None, {"a": -3.0, "b": -0.123, "c": -1.0}],
        "text_offset": [0, 1],
    }
    assert delivered(Contract(), lists) is None
    assert delivered(PROMISED, lists) == {
        "tokens": ["a", "b"],
        "token_logprobs": [None, -0.12],
        "top_logprobs": [None, {"b": -0.12, "c": -1.0}],
        "text_offset": [0, 1],
    }
    entry = {"id": 5, "token": "a", "logprob": -9999.0, "bytes": [97], "top_logprobs": []}
    assert delivered(PROMISED, {"content": [entry]}) == {
        "content": [{"token": "a", "bytes": [97], "logprob": -9999.0, "top_logprobs": []}]
    }


def test_a_cut_is_a_completion_that_ran_out_of_length() -> None:
    stream = CODEC.stream(read(stream=True), Contract())
    event = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": "x"}]}
    stream.feed(b"data: " + orjson.dumps(event) + b"\n\n")
    assert stream.tokens == 2
    closing, end = stream.cut().split(b"\n\n", 1)
    completion = Completion.model_validate_json(closing.removeprefix(b"data: "), strict=True)
    assert (completion.choices[0].text, completion.choices[0].finish_reason) == ("", "length")
    assert end == b"data: [DONE]\n\n"


def test_an_answer_without_choices_is_refused() -> None:
    with pytest.raises(UnexpectedAnswer, match="choices"):
        CODEC.answer(read(), Message((), b'{"content": "llama.cpp\'s own form"}', 200))
