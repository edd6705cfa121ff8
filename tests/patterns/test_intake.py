"""Intake: exchanges of any kind become columns, and what cannot be read is left out without harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Quota
from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.patterns.chats import LONGEST
from moatkeeper.patterns.hashing import category_number
from moatkeeper.patterns.intake import STAGES, batches, cell_number
from moatkeeper.patterns.profile import Profile
from tests.support.honest import exchange

ROWS = np.arange(12.0).reshape(2, 6)


def of(given: Exchange, inputs: Inputs, answer: Answer | None = None) -> Exchange:
    """The same exchange with other contents."""
    query = replace(given.query, inputs=inputs)
    return replace(given, query=query, answer=given.answer if answer is None else answer)


def test_requests_of_several_accounts_keep_their_order() -> None:
    told = [exchange("b", ROWS, 1.0), exchange("a", ROWS[:1], 2.0), exchange("b", ROWS[:1], 3.0)]
    (batch,) = batches(told, {})["model"]
    assert batch.names == ("b", "a")
    assert batch.accounts.tolist() == [0, 0, 1, 0]
    assert batch.requests.tolist() == [0, 0, 1, 2]
    assert batch.at.tolist() == [1.0, 1.0, 2.0, 3.0]
    assert batch.inputs is not None
    assert batch.inputs.tolist() == [*ROWS.tolist(), ROWS[0].tolist(), ROWS[0].tolist()]
    assert batch.scores is not None
    assert batch.scores.shape == (4, 2)


def test_records_follow_the_calibrations_columns() -> None:
    records = [{"age": 3, "colour": "red", "extra": 1}, {"colour": None}]
    given = of(exchange("a", ROWS), Inputs(InputKind.RECORDS, 2, records))
    (batch,) = batches([given], {"model": ("age", "colour")})["model"]
    assert batch.inputs is not None
    np.testing.assert_array_equal(batch.inputs, [[3.0, category_number("red")], [np.nan, np.nan]])
    assert batches([given], {}) == {}  # which column is which is not known


def test_texts_are_kept_up_to_a_length() -> None:
    given = of(exchange("a", ROWS), Inputs(InputKind.TEXTS, 2, ["", "x" * 100_000]))
    (batch,) = batches([given], {})["model"]
    assert batch.texts is not None
    assert [len(text) for text in batch.texts] == [0, LONGEST]


def test_chats_are_their_last_message_with_what_went_before() -> None:
    chat = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "good day"},
        {"role": "user", "content": [{"type": "text", "text": "why?"}]},
    ]
    (batch,) = batches([of(exchange("a", ROWS[:1]), Inputs(InputKind.CHATS, 1, [chat]))], {})["model"]
    assert batch.texts == ("why?",)
    assert batch.systems is not None
    assert "be brief" in batch.systems[0]
    assert batch.turns is not None
    assert batch.turns.tolist() == [2]


def test_no_tokens_are_unknown_ones_as_in_a_log_of_the_same_exchange() -> None:
    (batch,) = batches([exchange("a", ROWS)], {})["model"]
    assert batch.tokens is not None
    assert batch.tokens.tolist() == [-1, -1]


def test_stages_and_labels_are_told_apart_from_scores() -> None:
    answer = Answer(
        (
            Output(STAGES, OutputKind.NUMBERS, np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]])),
            Output("label", OutputKind.LABELS, np.array([[1.0], [np.nan]])),
            Output("embedding", OutputKind.EMBEDDINGS, np.ones((2, 4))),
        ),
        tokens=7,
    )
    quota = Quota(limit=100, remaining=25, per_s=60, reset_s=1)
    given = of(exchange("a", ROWS), Inputs(InputKind.NUMBERS, 2, ROWS), answer)
    (batch,) = batches([replace(given, decision=replace(given.decision, quota=quota))], {})["model"]
    assert batch.scores is None
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, -1]
    assert batch.stages is not None
    assert batch.stages.shape == (2, 3)
    assert batch.tokens is not None
    assert batch.tokens.tolist() == [7, 7]
    assert batch.room is not None
    assert batch.room.tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs(InputKind.OPAQUE, 2, b"??"),
        Inputs(InputKind.NUMBERS, 2, [["a"], ["b"]]),
        Inputs(InputKind.NUMBERS, 2, [[1.0], [1.0, 2.0]]),
        Inputs(InputKind.NUMBERS, 0, []),
        Inputs(InputKind.NUMBERS, 2, None),
    ],
)
def test_what_cannot_be_read_stops_nobody_else(inputs: Inputs) -> None:
    (batch,) = batches([of(exchange("a", ROWS), inputs), exchange("b", ROWS)], {})["model"]
    assert batch.names == ("b",)


def test_a_model_that_changes_its_output_shape_makes_two_batches() -> None:
    wide = of(
        exchange("a", ROWS),
        Inputs(InputKind.NUMBERS, 2, ROWS),
        Answer((Output("scores", OutputKind.SCORES, np.full((2, 3), 1 / 3)),)),
    )
    assert [len(batch) for batch in batches([exchange("a", ROWS), wide, exchange("a", ROWS)], {})["model"]] == [4, 2]


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (3, 3.0), ("x", category_number("x"))])
def test_cells_are_numbers(value: object, number: float) -> None:
    assert cell_number(value) == number


@pytest.mark.parametrize("value", [None, [], {}, b"x"])
def test_other_cells_are_missing(value: object) -> None:
    assert np.isnan(cell_number(value))


def test_embeddings_stand_in_for_scores_and_decide_nothing() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 64))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    answer = Answer((Output("data", OutputKind.EMBEDDINGS, values),))
    words = [f"text {number}" for number in range(300)]
    given = of(exchange("a", np.ones((300, 6))), Inputs(InputKind.TEXTS, 300, words), answer)
    (batch,) = batches([given], {})["model"]
    assert batch.scores is not None
    assert batch.scores.shape == (300, 64)
    profile = Profile.fit("model", batch)
    assert "coverage" in profile.detectors
    assert "low-margin" not in profile.detectors
