from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.evidence.records import QUERY, START, query_record, start_record
from moatkeeper.guard.replay import Arrived
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.ledger_log import Logged, events, logged_queries

CALLER = Caller(Account("acme", "group", "free"), "k1", "192.0.2.1", Basis.KEY)


def query(number: int, at: float, rows: int) -> Query:
    """A query of the account acme."""
    return Query(f"q{number}", CALLER, "credit", at, Inputs(InputKind.OPAQUE, rows), Cost(rows))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=20))
def test_events_come_in_the_order_of_time_and_each_query_settles_once(times: list[tuple[float, float]]) -> None:
    logged = [Logged(query(number, at, 1), Usage(1), took) for number, (at, took) in enumerate(sorted(times))]
    happened = list(events(logged))
    moments = [event.query.at if isinstance(event, Arrived) else event.at for event in happened]
    assert moments == sorted(moments)
    settled = [event.query_id for event in happened if not isinstance(event, Arrived)]
    assert sorted(settled) == sorted(one.query.id for one in logged)


def test_a_query_comes_back_from_the_ledger_with_who_when_and_how_much(tmp_path: Path) -> None:
    decision = Decision(True, True, "admitted", 0.0, Standing.GOOD, Contract())
    with Ledger.open(tmp_path) as ledger:
        ledger.append(START, 0.0, start_record(version="1", process=1))
        for number, at in enumerate((20.0, 10.0)):
            asked = query(number, at, 3)
            fields = query_record(
                asked, decision, format="kserve", operation="infer", status=200, usage=Usage(2, 7), latency_s=0.5
            )
            ledger.append(QUERY, at, fields)
    first, second = logged_queries(tmp_path)
    assert (first.query.at, second.query.at) == (10.0, 20.0)
    assert (first.query.caller, first.query.model, first.query.cost.rows) == (CALLER, "credit", 3)
    assert (first.usage, first.took_s) == (Usage(2, 7), 0.5)
    assert [one.query.at for one in logged_queries(tmp_path, after=2)] == [10.0]
