from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.judges import TokenJudge
from moatkeeper.redteam.token_api import ToyModel, log_softmax
from moatkeeper.redteam.token_copy import RecoveryJudge, completed, table_of
from moatkeeper.redteam.trade import TOKENS

NAN = float("nan")


def logs(*shares: float) -> FloatArray:
    values: FloatArray = np.log(np.array(shares))
    return values


def test_unknown_tokens_share_the_rest_of_the_probability() -> None:
    filled = completed(np.array([np.log(0.5), np.log(0.3), NAN, NAN]))
    np.testing.assert_allclose(np.exp(filled), [0.5, 0.3, 0.1, 0.1])


def test_no_unknown_token_is_likelier_than_a_known_one() -> None:
    filled = completed(np.array([np.log(0.5), np.log(0.05), NAN, NAN]))
    assert filled[2] <= filled[1]
    assert np.exp(filled).sum() == pytest.approx(1.0)


def test_nothing_known_stays_unknown() -> None:
    assert np.isnan(completed(np.full(3, NAN))).all()


def test_another_context_is_guessed_from_those_that_end_like_it() -> None:
    table = table_of(2, {(1, 2): logs(0.9, 0.1), (3, 2): logs(0.7, 0.3), (2, 1): logs(0.2, 0.8)})
    same, near, far = np.exp(table.log_probabilities([Prefix((1, 2)), Prefix((5, 2)), Prefix((7, 7))]))
    np.testing.assert_allclose(same, [0.9, 0.1])
    np.testing.assert_allclose(near, [(0.9 + 0.7 + 2 * 0.6) / 4, (0.1 + 0.3 + 2 * 0.4) / 4])
    np.testing.assert_allclose(far, [0.6, 0.4])


def test_an_empty_table_says_that_it_knows_nothing() -> None:
    rows = table_of(3, {(1,): np.full(3, NAN)}).log_probabilities([Prefix((1,))])
    assert rows.shape == (1, 3)
    assert np.isnan(rows).all()


def test_a_bias_is_heeded() -> None:
    row = table_of(2, {(1,): logs(0.5, 0.5)}).log_probabilities([Prefix((1,), {0: np.log(3)})])
    np.testing.assert_allclose(np.exp(row), [[0.75, 0.25]])


def test_the_owner_tells_how_exact_what_was_recovered_is_and_how_much_of_the_head() -> None:
    toy = ToyModel(0, vocabulary=30, hidden=4)
    held = [Prefix((1, 2)), Prefix((3, 4))]
    judge = RecoveryJudge(TokenJudge(held, log_softmax(toy.logits([(1, 2), (3, 4)]))), toy.logits, toy.head)
    known: dict[tuple[int, ...], FloatArray] = {(5, 6): log_softmax(toy.logits([(5, 6)]))[0]}
    whole = np.linalg.qr(toy.head - toy.head.mean(axis=0))[0]
    exact = judge.figures(table_of(30, known, whole), frozenset(), thorough=False)
    assert exact["recovered"] == 1.0
    assert exact["recovered_error"] < 1e-12
    assert exact["outside"] < 1e-12
    shifted: dict[tuple[int, ...], FloatArray] = {(5, 6): known[5, 6] + np.where(np.arange(30) % 2, 0.5, -0.5)}
    blurred = judge.figures(table_of(30, shifted), frozenset(), thorough=False)
    assert 0.3 < blurred["recovered_error"] < 0.7
    assert blurred["outside"] == 1.0


def test_a_context_that_was_asked_with_a_bias_is_not_held_out_any_more() -> None:
    toy = ToyModel(0, vocabulary=30, hidden=4)
    judge = TokenJudge([Prefix((1, 2)), Prefix((3, 4))], log_softmax(toy.logits([(1, 2), (3, 4)])))
    asked = frozenset(TOKENS.keys([Prefix((1, 2), {7: 5.0})]))
    cheat = table_of(30, {(1, 2): log_softmax(toy.logits([(1, 2)]))[0]})
    honest = TokenJudge([Prefix((3, 4))], log_softmax(toy.logits([(3, 4)]))).figures(cheat, frozenset(), thorough=False)
    assert judge.figures(cheat, asked, thorough=False) == pytest.approx(honest)
    assert judge.figures(cheat, frozenset(), thorough=False)["fidelity"] > honest["fidelity"]
