from __future__ import annotations

import numpy as np

from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.harm import ROWS_AT_ONCE, Harm, HarmRecord
from moatkeeper.redteam.plan import START
from moatkeeper.redteam.population import KINDS, populate
from tests.support.campaigns import draw, model

ROWS = draw(50, 0)
TRUTH = model(ROWS)
PEOPLE = populate(tuple(KINDS.values()), 20, ROWS, 1.0, START, seed=0)


def record() -> HarmRecord:
    return HarmRecord(PEOPLE, TRUTH)


def test_exact_answers_do_no_harm() -> None:
    harmless = record()
    harmless.answered(0, np.arange(10), TRUTH[:10])
    assert harmless.total() == Harm(customers=20, requests=1, rows=10)


def test_changed_labels_and_moved_scores_are_counted_by_hand() -> None:
    harmed = record()
    released = TRUTH[:3].copy()
    released[1] = released[1][::-1]
    released[2] = released[2] + np.array([0.01, -0.01])
    harmed.answered(2, np.arange(3), released)
    total = harmed.total()
    swapped = 2 * abs(TRUTH[1, 0] - TRUTH[1, 1])
    assert total.labels_changed == 1
    assert np.isclose(total.mean_distance, (swapped + 0.02) / 3)
    assert np.isclose(total.largest_distance, max(swapped, 0.02))


def test_refused_rows_count_for_their_customer_and_move_no_score() -> None:
    harmed = record()
    harmed.refused(4, 7)
    harmed.refused(4, 1)
    harmed.answered(5, np.arange(2), TRUTH[:2])
    total = harmed.total()
    assert (total.touched, total.refused_requests, total.refused_rows, total.rows) == (1, 2, 8, 10)
    assert total.mean_distance == 0.0


def test_groups_add_up_to_everybody() -> None:
    harmed = record()
    rng = np.random.default_rng(0)
    for _ in range(200):
        who, size = int(rng.integers(20)), int(rng.integers(1, 9))
        rows = rng.integers(0, 50, size)
        if rng.random() < 0.3:
            harmed.refused(who, size)
        else:
            harmed.answered(who, rows, TRUTH[rows] + 0.01)
    total = harmed.total()
    for groups in (harmed.by_kind(), harmed.by_tier()):
        for name in ("customers", "touched", "requests", "rows", "refused_requests", "refused_rows", "labels_changed"):
            assert sum(getattr(one, name) for one in groups.values()) == getattr(total, name), name
        assert max(one.largest_distance for one in groups.values()) == total.largest_distance


def test_many_rows_give_the_same_as_few_at_a_time() -> None:
    rows = np.zeros(ROWS_AT_ONCE // 2 + 1, dtype=np.int64)
    often = record()
    for _ in range(5):
        often.answered(1, rows, TRUTH[rows] + 0.01)
    assert often.total().rows == 5 * len(rows)
    assert np.isclose(often.total().mean_distance, 0.02)


def test_nobody_is_not_harmed() -> None:
    empty = populate((), 0, ROWS, DAY_S, START, seed=0)
    assert HarmRecord(empty, TRUTH).total() == Harm()
