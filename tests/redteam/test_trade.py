from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.trade import CHATS, ROWS, TEXTS, TOKENS


@given(st.lists(st.text(max_size=5), max_size=8))
def test_keys_of_texts_are_equal_for_equal_texts_only(texts: list[str]) -> None:
    keys = TEXTS.keys(texts)
    assert [keys.index(key) for key in keys] == [texts.index(text) for text in texts]


def test_keys_of_prefixes_tell_context_and_bias_apart() -> None:
    prefixes = [Prefix((1, 2)), Prefix((12,)), Prefix((1, 2), {3: 1.0}), Prefix((1, 2), {3: 2.0})]
    assert len(set(TOKENS.keys(prefixes))) == 4
    assert TOKENS.keys([Prefix((1,), {2: 0.5, 1: 1.0})]) == TOKENS.keys([Prefix((1,), {1: 1.0, 2: 0.5})])


@pytest.mark.parametrize("indexes", [[], [2], [2, 0]])
def test_what_is_taken_split_and_joined_is_what_was_asked_for(indexes: list[int]) -> None:
    rows = np.arange(6.0).reshape(3, 2)
    taken = ROWS.take(rows, indexes)
    assert ROWS.join(ROWS.split(taken)).tolist() == taken.tolist() == [rows[index].tolist() for index in indexes]
    assert CHATS.join(CHATS.split(CHATS.take(["a", "b", "c"], indexes))) == ["abc"[index] for index in indexes]


def test_nonsense_is_named() -> None:
    assert ROWS.fault(np.array([[0.5, 0.5]]), np.array([1.0, 0.0])) == ""
    assert "infinity" in ROWS.fault(np.array([[np.inf, 0.5]]), None)
    assert "changed" in ROWS.fault(np.array([[0.5]]), np.array([1.0, 0.0]))
    assert "log-probability" in TOKENS.fault([NextToken(1, {1: 0.5})], None)
    assert TOKENS.fault([NextToken(1, {1: -0.5})], None) == ""
