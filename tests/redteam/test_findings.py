from __future__ import annotations

import pytest

from moatkeeper.redteam.curve import Curve
from moatkeeper.redteam.expenses import Expenses, PriceList
from moatkeeper.redteam.findings import best, prices_of, rungs_of
from moatkeeper.redteam.harness import Score


def score(budget: int, fidelity: float, **figures: float) -> Score:
    """A score of a campaign that answered all that was asked, a row a request."""
    return Score(budget, budget, 0, Expenses(requests=budget, accounts=1), {"fidelity": fidelity, **figures})


def curve(*seeds: tuple[Score, ...]) -> Curve:
    """A curve at a cent a row."""
    return Curve("a", "bare", seeds, PriceList(per_row=0.01))


def test_a_rung_is_over_the_seeds_that_climbed_to_it() -> None:
    rungs = rungs_of(curve((score(10, 0.5), score(20, 0.9)), (score(10, 0.7),)))
    assert [(rung.budget, len(rung.scores)) for rung in rungs] == [(10, 2), (20, 1)]
    mean = rungs[0].figure()
    assert mean is not None
    assert mean.mean == pytest.approx(0.6)
    assert rungs[1].money.mean == pytest.approx(0.2)


def test_a_figure_that_a_seed_does_not_have_is_none() -> None:
    (rung,) = rungs_of(curve((score(10, 0.5, accuracy=0.4),), (score(10, 0.7),)))
    assert rung.figure("accuracy") is None


def test_the_price_of_a_level_says_how_many_seeds_reached_it() -> None:
    prices = {price.level: price for price in prices_of(curve((score(10, 0.5), score(20, 0.93)), (score(10, 0.81),)))}
    assert (prices[0.80].reached, prices[0.92].reached, prices[0.99].reached) == (2, 1, 0)
    queries = prices[0.80].queries
    assert queries is not None
    assert (queries.mean, queries.low, queries.high) == (15.0, 10.0, 20.0)
    assert prices[0.99].money is None


def test_nothing_scored_is_no_fidelity() -> None:
    assert best(curve(())) is None
    highest = best(curve((score(10, 0.5), score(20, 0.9))))
    assert highest is not None
    assert highest.mean == 0.9
