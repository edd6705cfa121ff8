"""Moatkeeper's own log: what the gateway writes is what a hunt reads."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Quota
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.patterns.chats import chat_columns
from moatkeeper.store.logs.base import Entry, Passed, Unreadable
from moatkeeper.store.logs.own import OwnLog, encode
from tests.support.honest import exchange, honest_rows

READER = OwnLog()
ROWS = honest_rows(np.random.default_rng(0), 2)


def told(one: Exchange, agent: str = "") -> Entry:
    """What is read of what is written."""
    line = encode(one, agent=agent)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found = READER.read(json.loads(line))
    assert isinstance(found, Entry)
    return found


def with_inputs(one: Exchange, inputs: Inputs) -> Exchange:
    """The exchange with other inputs, and no answer to them."""
    return replace(one, query=replace(one.query, inputs=inputs), answer=Answer(()))


def test_an_exchange_comes_back_as_it_was() -> None:
    one = exchange("acme", ROWS, at=12.5)
    found = told(one, agent="curl/8")
    assert (found.account, found.at, found.model, found.agent) == ("acme", 12.5, one.query.model, "curl/8")
    assert (found.request, found.key, found.address) == (one.query.id, one.query.caller.key_id, one.query.caller.address)
    assert found.rows == 2
    assert np.array_equal(np.array(found.numbers, dtype=float), ROWS)
    values = one.answer.outputs[0].values
    assert values is not None
    assert np.array_equal(np.array(found.scores, dtype=float), values)


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1, max_size=4))
def test_numbers_survive_to_the_last_bit(rows: list[list[float]]) -> None:
    found = told(with_inputs(exchange("a", ROWS), Inputs(InputKind.NUMBERS, len(rows), np.array(rows))))
    assert found.numbers == rows


def test_numbers_that_are_not_finite_are_missing() -> None:
    found = told(with_inputs(exchange("a", ROWS), Inputs(InputKind.NUMBERS, 1, [[float("nan"), float("inf"), 1.0]])))
    assert found.numbers == [[None, None, 1.0]]


def test_a_chat_is_its_last_message_its_turns_and_its_system_prompt() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Well."},
        {"role": "user", "content": "Two"},
    ]
    found = told(with_inputs(exchange("a", ROWS), Inputs(InputKind.CHATS, 2, (messages, messages))))
    assert (found.texts, found.turns, found.rows) == (["Two", "Two"], 2, 2)
    # The same as the gateway's detectors are told.
    assert found.system == chat_columns([messages]).systems[0] == "Be brief."
    assert b"One" not in encode(with_inputs(exchange("a", ROWS), Inputs(InputKind.CHATS, 1, (messages,))))


def test_records_texts_and_opaque_inputs() -> None:
    records = told(with_inputs(exchange("a", ROWS), Inputs(InputKind.RECORDS, 1, [{"b": "red", "a": 1}])))
    assert (records.columns, records.numbers) == (("a", "b"), [[1, "red"]])
    assert told(with_inputs(exchange("a", ROWS), Inputs(InputKind.TEXTS, 2, ["x", ""]))).texts == ["x", ""]
    opaque = told(with_inputs(exchange("a", ROWS), Inputs(InputKind.OPAQUE, 3, b"\x00")))
    assert (opaque.numbers, opaque.texts, opaque.rows) == (None, None, 3)


def test_labels_stages_tokens_and_room() -> None:
    one = exchange("a", ROWS)
    outputs = (
        Output("decision", OutputKind.LABELS, np.array([[1.0], [0.0]])),
        Output("stages", OutputKind.NUMBERS, np.array([[1.0, 0.0], [0.0, 0.0]])),
    )
    decision = replace(one.decision, quota=Quota(100, 25, 1.0, 0.0))
    found = told(replace(one, answer=Answer(outputs, tokens=9), decision=decision))
    assert (found.labels, found.scores, found.stages, found.tokens, found.room) == ([1.0, 0.0], None, [[1, 0], [0, 0]], 9, 0.25)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"inputs": {}}, 'found no "at"'),
        ({"at": 1.0}, 'found no "inputs"'),
        ({"at": 1.0, "inputs": {"kind": "pictures"}}, "of kind 'pictures'"),
        ({"at": 1.0, "inputs": {"kind": "numbers", "rows": -1}}, "found -1 rows"),
        ({"at": 1.0, "inputs": {"kind": "numbers", "rows": 1, "values": 7}}, "numbers that are no list"),
        (
            {"at": 1.0, "inputs": {"kind": "records", "rows": 2, "values": [{"a": 1}, {"a": 1, "b": 2}]}},
            "differ in their names",
        ),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(record: dict[str, object], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        READER.read(record)


def test_no_rows_are_no_exchange() -> None:
    assert READER.read({"at": 1.0, "inputs": {"kind": "numbers", "rows": 0}}) == Passed("no rows were asked")
