"""Columns by name: said, or guessed where the names leave no doubt."""

from __future__ import annotations

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.store.logs.base import Entry, Unreadable
from moatkeeper.store.logs.named import NamedColumns, guess

RECORD = {"who": "acme", "when": 5.0, "age": 40, "income": 3.5, "city": "Rome", "no": 0.25, "yes": 0.75, "model": "m"}
SAID = "account=who,at=when,inputs=age:city,scores=no:yes"


def test_roles_ranges_and_sums() -> None:
    form = NamedColumns.parse(SAID)
    found = form.read(RECORD)
    assert isinstance(found, Entry)
    assert (found.account, found.at, found.model) == ("acme", 5.0, "m")
    assert (found.numbers, found.columns, found.scores) == ([[40, 3.5, "Rome"]], ("age", "income", "city"), [[0.25, 0.75]])
    joined = NamedColumns.parse("at=when,account=who,inputs=city+age:income")
    assert joined.opened(RECORD)["inputs"] == ("city", "age", "income")


@pytest.mark.parametrize(
    ("record", "roles"),
    [
        ({"user_id": "a", "ts": 1, "f1": 1, "f0": 2, "p0": 0.1, "p1": 0.9}, {"inputs": ("f0", "f1"), "scores": ("p0", "p1")}),
        ({"Customer_ID": "a", "Timestamp": 1, "prompt": "x"}, {"account": ("Customer_ID",), "text": ("prompt",)}),
        ({"account": "a", "at": 1, "features": [1, 2], "prediction": 1}, {"inputs": ("features",), "label": ("prediction",)}),
    ],
)
def test_obvious_names_are_guessed(record: dict[str, object], roles: dict[str, tuple[str, ...]]) -> None:
    found = guess(record)
    assert {role: found[role] for role in roles} == roles
    assert NamedColumns().recognises([record])


def test_names_that_are_not_obvious_are_not_guessed() -> None:
    assert not NamedColumns().recognises([RECORD])
    assert not NamedColumns().recognises([])


@pytest.mark.parametrize("text", ["account", "account=", "whom=a", "account=a,account=b", "=x", ""])
def test_words_that_are_no_columns_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--columns: found"):
        NamedColumns.parse(text)


def test_columns_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="found no column 'nobody' for account, expected one of who, when"):
        NamedColumns.parse("account=nobody,at=when").read(RECORD)
    with pytest.raises(UsageError, match="found 2 columns for account, expected one"):
        NamedColumns.parse("account=who:when,at=when").read(RECORD)
    with pytest.raises(Unreadable, match="no column for the time"):
        NamedColumns.parse("account=who").read({"who": "a"})


def test_a_column_may_hold_a_list() -> None:
    found = NamedColumns.parse("account=who,at=when,inputs=x").read({"who": "a", "when": 1, "x": [1, [2, 3]]})
    assert isinstance(found, Entry)
    assert found.numbers == [[1, 2, 3]]
