"""What was bought is on disk, read again as it was, and never taken for what belongs to another theft."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moatkeeper.errors import StoreError, UsageError
from moatkeeper.redteam.base import NextToken
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.journal import Heading, Journal, last_spent
from moatkeeper.redteam.meter import Purchase, Purchases

HEADING = Heading("equations", 0, "t" * 64, "k" * 64, budget=100)
SPENT = Expenses(3, 1, 20, 2, 0, 1.5)


def rows(*numbers: float) -> list[Purchase]:
    """One purchase for each number, of two scores each."""
    return [Purchase((np.float64(x).tobytes(), 0), np.array([x, 1 - x]), SPENT) for x in numbers]


def written(path: Path, *batches: Sequence[Purchase], seed: int = 0) -> Path:
    """A journal that holds these batches."""
    journal = Journal.begin(path, HEADING)
    for batch in batches:
        journal.purchases(seed).add(batch)
    journal.close()
    return path


def read(path: Path, seed: int = 0) -> Purchases:
    """The purchases of a journal."""
    journal = Journal.resume(path, HEADING)
    journal.close()
    return journal.purchases(seed)


def same(one: Purchases, purchases: Sequence[Purchase]) -> bool:
    """Whether all that is there are these purchases, in order."""
    return [(each.receipt, np.asarray(each.answer).tolist(), each.spent) for each in one.bought.values()] == [
        (each.receipt, np.asarray(each.answer).tolist(), each.spent) for each in purchases
    ]


def test_what_was_bought_is_read_again_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "j", rows(0.1, 1 / 3), rows(0.7))
    assert same(read(path), rows(0.1, 1 / 3, 0.7))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert last_spent(read(path)) == SPENT


@pytest.mark.parametrize("answer", ["a text\nwith lines", NextToken(3, {3: -0.1, 7: -2.0}), NextToken(1)])
def test_texts_and_tokens_are_kept_too(tmp_path: Path, answer: object) -> None:
    path = written(tmp_path / "j", [Purchase((b"q", 2), answer, SPENT)])
    assert [purchase.answer for purchase in read(path).bought.values()] == [answer]
    assert list(read(path).bought) == [(b"q", 2)]


def test_each_seed_has_its_own_purchases_and_a_resumed_journal_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path / "j", rows(0.1))
    journal = Journal.resume(path, replace(HEADING, budget=10_000))
    journal.purchases(1).add(rows(0.2))
    journal.purchases(0).add(rows(0.3))
    journal.close()
    assert same(read(path, 0), rows(0.1, 0.3))
    assert same(read(path, 1), rows(0.2))


def test_a_torn_last_line_is_cut_off_and_what_follows_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "j", rows(0.1), rows(0.2))
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for end in (start + 1, start + 20, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert same(read(path), rows(0.1))
        journal = Journal.resume(path, HEADING)
        journal.purchases(0).add(rows(0.9))
        journal.close()
        assert same(read(path), rows(0.1, 0.9))


@pytest.mark.parametrize("place", [5, 30, -60])
def test_damage_before_the_end_is_an_error(tmp_path: Path, place: int) -> None:
    path = written(tmp_path / "j", rows(0.1), rows(0.2), rows(0.3))
    raw = bytearray(path.read_bytes())
    end_of_second = raw.index(b"\n", raw.index(b"\n") + 1)
    raw[place if place >= 0 else end_of_second + place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="damaged"):
        read(path)


def test_a_line_that_was_taken_out_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "j", rows(0.1), rows(0.2), rows(0.3))
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in ((0, 1, 3), (0, 2, 3), (0, 2), (1, 2)):
        path.write_bytes(b"".join(lines[number] for number in kept))
        with pytest.raises(StoreError):
            read(path)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(HEADING, attack="retrain"), "another attack: found 'equations', expected 'retrain'"),
        (replace(HEADING, seed=7), "another seed: found 0, expected 7"),
        (replace(HEADING, target="x"), "another target"),
        (replace(HEADING, knowledge="x"), "another knowledge"),
    ],
)
def test_a_journal_of_another_theft_is_refused(tmp_path: Path, other: Heading, told: str) -> None:
    path = written(tmp_path / "j", rows(0.1))
    with pytest.raises(UsageError, match=told):
        Journal.resume(path, other)


@pytest.mark.parametrize("raw", [b"", b"nonsense\n", b"\0" * 100])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(raw)
    with pytest.raises(StoreError):
        read(path)
    assert path.read_bytes() == raw


def test_a_journal_is_never_overwritten_and_a_missing_one_not_made(tmp_path: Path) -> None:
    path = written(tmp_path / "j", rows(0.1))
    with pytest.raises(UsageError):
        Journal.begin(path, HEADING)
    with pytest.raises(UsageError):
        Journal.resume(tmp_path / "none", HEADING)
    assert not (tmp_path / "none").exists()
