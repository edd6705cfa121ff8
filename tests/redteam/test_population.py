from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.plan import START
from moatkeeper.redteam.population import KINDS, Market, Population, populate
from moatkeeper.redteam.traffic import HOUR_S, load

DAYS = 14.0
CUSTOMERS = 120
KIND_LIST = tuple(KINDS.values())


def rows() -> FloatArray:
    return np.random.default_rng(0).normal(size=(400, 4))


@pytest.fixture(scope="module")
def everybody() -> Population:
    return populate(KIND_LIST, CUSTOMERS, rows(), DAYS, START, seed=3)


def requests_of(population: Population, kind: str) -> np.ndarray:
    kinds = np.array([customer.kind for customer in population.customers])
    return np.flatnonzero(kinds[population.who] == kind)


def test_requests_come_in_the_order_of_their_time_within_the_campaign(everybody: Population) -> None:
    assert (np.diff(everybody.times) >= 0).all()
    assert everybody.times[0] >= START
    assert everybody.times[-1] < START + DAYS * DAY_S


def test_equal_seeds_give_equal_requests_and_others_do_not(everybody: Population) -> None:
    again, other = (populate(KIND_LIST, CUSTOMERS, rows(), DAYS, START, seed) for seed in (3, 4))
    assert again.times.tolist() == everybody.times.tolist()
    assert again.rows.tolist() == everybody.rows.tolist()
    assert again.customers[5].rows.tolist() == everybody.customers[5].rows.tolist()
    assert other.times.tolist() != everybody.times.tolist()


def test_every_row_belongs_to_one_request_and_to_the_customer_who_asks_it(everybody: Population) -> None:
    assert int(everybody.count.sum()) == len(everybody.rows)
    covered = np.zeros(len(everybody.rows), dtype=int)
    for at in range(len(everybody.times)):
        part = slice(everybody.first[at], everybody.first[at] + everybody.count[at])
        covered[part] += 1
        assert set(everybody.rows[part]) <= set(everybody.customers[everybody.who[at]].rows)
    assert (covered == 1).all()


def test_all_kinds_are_there_in_their_shares(everybody: Population) -> None:
    assert len(everybody.customers) == CUSTOMERS
    total = sum(kind.share for kind in KIND_LIST)
    for kind in KIND_LIST:
        found = sum(customer.kind == kind.name for customer in everybody.customers)
        assert abs(found - CUSTOMERS * kind.share / total) <= 1
    assert len({customer.caller.account.id for customer in everybody.customers}) == CUSTOMERS


def test_a_specialised_customer_asks_near_one_point_and_a_generalist_everywhere(everybody: Population) -> None:
    sizes = {len(customer.rows) for customer in everybody.customers if customer.kind == "specialised"}
    assert sizes == {20, 400}
    own = next(customer.rows for customer in everybody.customers if len(customer.rows) == 20)
    assert rows()[own].std(axis=0).mean() < 0.7 * rows().std(axis=0).mean()


def test_a_monitor_repeats_one_question(everybody: Population) -> None:
    for customer in everybody.customers:
        if customer.kind == "probe":
            assert len(customer.rows) == 1


def test_nightly_jobs_run_at_night(everybody: Population) -> None:
    hours = everybody.times[requests_of(everybody, "nightly")] / HOUR_S % 24
    assert ((hours < 6) | (hours > 23)).all()


def test_growing_customers_grow() -> None:
    growing = replace(KINDS["growing"], requests_per_day=200.0)
    grown = populate((growing,), 20, rows(), 30.0, START, seed=0)
    day = (grown.times - START) / DAY_S
    assert (day > 20).sum() > 2 * (day < 10).sum()
    steady = populate((replace(growing, growth=1.0),), 20, rows(), 30.0, START, seed=0)
    day = (steady.times - START) / DAY_S
    assert (day > 20).sum() < 2 * (day < 10).sum()


def test_trials_leave(everybody: Population) -> None:
    indexes = requests_of(everybody, "trial")
    spans = [np.ptp(everybody.times[indexes][everybody.who[indexes] == who]) for who in set(everybody.who[indexes].tolist())]
    assert np.median(spans) < DAY_S


def test_activity_is_as_unequal_as_in_the_trace_or_nearly() -> None:
    streams = replace(KINDS["bursty"], requests_per_day=300.0)
    drawn = populate((streams,), 300, rows(), 2.0, START, seed=1)
    counts = np.sort(np.bincount(drawn.who, minlength=300))
    share = counts[-3:].sum() / counts.sum()
    real = load().streams.busiest_hundredth_share
    assert real / 3 < share < 1.5 * real


def test_the_larger_tier_is_bought_by_those_who_need_it() -> None:
    drawn = populate(KIND_LIST, CUSTOMERS, rows(), DAYS, START, seed=3, market=Market("small", "large", 50.0))
    for index, customer in enumerate(drawn.customers):
        daily = drawn.count[drawn.who == index].sum() / DAYS
        assert customer.caller.account.tier == ("large" if daily > 50.0 else "small")


def test_a_population_may_be_empty() -> None:
    for nobody in (populate(KIND_LIST, 0, rows(), DAYS, START, seed=0), populate((), 0, rows(), DAYS, START, seed=0)):
        assert len(nobody.times) == len(nobody.customers) == 0
