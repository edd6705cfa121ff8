from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Quota, Standing
from moatkeeper.serve import replies
from moatkeeper.serve.replies import upstream_complaint
from moatkeeper.wire.base import Message, Purpose, Route
from moatkeeper.wire.complaints import MAX_CHARACTERS
from moatkeeper.wire.registry import FORMATS

DEFAULT = "the model server did not accept the request"
REFUSED = Decision(False, False, "limit:account/rows", 1.2, Standing.GOOD, Contract())

texts = st.text(max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "detail", "trace"]), inner, max_size=4)
    ),
    max_leaves=8,
)


def complaint(document: object) -> str:
    return upstream_complaint(Message((), json.dumps(document).encode(), 400))


@given(st.binary(max_size=200) | documents.map(lambda document: json.dumps(document).encode()))
def test_whatever_a_model_server_says_becomes_one_printable_bounded_sentence(body: bytes) -> None:
    said = upstream_complaint(Message((), body, 400))
    assert 0 < len(said) <= MAX_CHARACTERS
    assert said.isprintable()
    assert said == said.strip()


@pytest.mark.parametrize(
    "document",
    [
        {"error": {"message": "no such column", "trace": "secret"}},
        {"error": "no such column", "stack_trace": "secret"},
        {"message": "no such column", "debug": "secret"},
        {"detail": "no such column"},
        {"error": {"message": 7}, "detail": "no such column"},
        {"error": " \x00 ", "message": "\n\tno such column"},
    ],
)
def test_the_complaint_is_found_where_each_protocol_puts_it_and_nothing_beside_it(document: object) -> None:
    assert complaint(document) == "no such column"


def test_a_long_complaint_is_cut() -> None:
    assert complaint({"error": "x" * 10_000}) == "x" * MAX_CHARACTERS
    assert complaint({"error": " " * 10_000 + "late"}) == "late"


@pytest.mark.parametrize(
    "trace",
    [
        'Traceback (most recent call last):\n  File "/srv/model.py", line 3, in predict\nKeyError: 1',
        "\n  at com.example.Model.predict(Model.java:3)",
        '\n  File "/srv/model.py", line 3, in predict',
    ],
)
def test_a_stack_trace_inside_a_complaint_stays_behind(trace: str) -> None:
    assert complaint({"error": "column 3 is missing " + trace}) == "column 3 is missing"
    assert complaint({"error": trace}) == DEFAULT


@pytest.mark.parametrize("document", [[], "words", 7, None, {}, {"error": ""}, {"error": ["words"]}])
def test_where_there_are_no_words_a_plain_sentence_stands(document: object) -> None:
    assert complaint(document) == DEFAULT


@pytest.mark.parametrize(("wait_s", "said"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.2, b"2"), (3599.01, b"3600")])
def test_a_caller_is_told_to_wait_whole_seconds_rounded_up(wait_s: float, said: bytes) -> None:
    assert replies.retry_headers(replace(REFUSED, retry_after_s=wait_s)) == [(b"retry-after", said)]


def test_nobody_is_told_to_wait_for_what_never_comes() -> None:
    assert replies.retry_headers(replace(REFUSED, retry_after_s=math.inf)) == []


def test_the_quota_is_told_in_whole_units_that_never_promise_too_much() -> None:
    quota = Quota(limit=100.0, remaining=41.9, per_s=3600.0, reset_s=12.1)
    assert replies.quota_headers(quota, refused=False) == [
        (b"ratelimit-policy", b'"default";q=100;w=3600'),
        (b"ratelimit", b'"default";r=41;t=13'),
    ]


@given(st.floats(0, 1e6), st.floats(-1e6, 1e6), st.floats(-10, 1e6))
def test_a_refused_caller_reads_the_same_rest_whichever_limit_it_met(limit: float, remaining: float, reset_s: float) -> None:
    refused = dict(replies.quota_headers(Quota(limit, remaining, 3600.0, reset_s), refused=True))
    assert refused[b"ratelimit"].startswith(b'"default";r=0;t=')
    assert b"-" not in refused[b"ratelimit"]


def test_only_listed_fields_of_an_answer_reach_the_caller() -> None:
    answered = (
        (b"content-type", b"application/json"),
        (b"server", b"secret"),
        (b"x-model-version", b"secret"),
        (b"set-cookie", b"secret"),
        (b"retry-after", b"3"),
    )
    assert replies.passed_headers(answered) == [(b"content-type", b"application/json"), (b"retry-after", b"3")]


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_refusal_is_json_that_holds_its_sentence_and_not_the_reason(name: str) -> None:
    wire = FORMATS[name]()
    for route in (None, Route(name, "predict", Purpose.INFER, "m")):
        body = replies.refusal_body(wire, route, 429, replies.TOO_MANY)
        assert replies.TOO_MANY in json.dumps(json.loads(body))
    assert json.loads(replies.refusal_body(None, None, 404, "not found")) == {"error": "not found"}
