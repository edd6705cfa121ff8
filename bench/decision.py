"""What one decision costs: ``admit`` + ``release`` for one row of ten classes, with 100,000 known accounts.

    python -m bench.decision

Every round runs the same queries through each contender, one after the other, so that a busy moment of the machine hits
all of them; figures are medians over rounds. The peer is the least that could be called a guard: a dictionary that counts
an account's rows, and ``numpy.round``. It has no window, no burst, no aggregate, no coherent sum and no kept label.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from bench.common import write_result
from moatkeeper.core.answer import Answer, Output, OutputKind, Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.store.memory import InMemory

SEED = 20_260_101
ACCOUNTS = 100_000
CLASSES = 10
QUERIES = 4_000  # a round; each of another account
ROUNDS = 15
TARGET_US = 20.0  # the aim of the project for admit + release
START = 1_767_225_600.0

FREE = Limit(Scope.ACCOUNT, Unit.ROWS, 100, 3600.0)
EVERYTHING = (
    Limit(Scope.KEY, Unit.REQUESTS, 600, 60.0, burst=100),
    Limit(Scope.ACCOUNT, Unit.ROWS, 10_000, 3600.0),
    Limit(Scope.ACCOUNT, Unit.CONCURRENT, 64),
)
TOGETHER = (Limit(Scope.ALL, Unit.ROWS, 1e9, 3600.0, burst=1e9),)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The queries of one round and the answers that the model gave to them."""

    queries: Sequence[Query]
    answers: Sequence[Answer]


def main() -> None:
    """Measures, prints, and writes bench/results/decision.json."""
    generator = np.random.default_rng(SEED)
    guards = {
        "one strict hourly limit": _known(Tier("default", (FREE,)), ()),
        "four limits: key, account, in flight, all": _known(Tier("default", EVERYTHING), TOGETHER),
    }
    counts = dict.fromkeys((f"account-{number}" for number in range(ACCOUNTS)), 0)
    gc.collect()
    gc.freeze()  # the accounts are no garbage: a server that runs for long does the same
    rounds: dict[str, dict[str, list[float]]] = {name: {"admit": [], "release": [], "settle": []} for name in guards}
    floor: list[float] = []
    for number in range(ROUNDS):
        traffic = _traffic(generator, number)
        for name, (guard, memory) in guards.items():
            for stage, cost in _one_round(guard, memory, traffic).items():
                rounds[name][stage].append(cost)
        floor.append(_floor_round(counts, traffic))
    contenders = {name: _summary(stages, floor) for name, stages in rounds.items()}
    figures = {
        "unit": "microseconds",
        "accounts": ACCOUNTS,
        "classes": CLASSES,
        "queries_a_round": QUERIES,
        "rounds": ROUNDS,
        "target_us": TARGET_US,
        "peer": {"what": "dict counter + numpy.round(values, 2): the floor, not a guard", "us": float(np.median(floor))},
        "guard": contenders,
        "release_by_row": _release_by_row(generator),
    }
    path = write_result("decision", figures, seeds=[SEED])
    for name, summary in contenders.items():
        print(
            f"{name}: admit {summary['admit']:.1f} + release {summary['release']:.1f} = {summary['decision']:.1f} µs"
            f" (target {TARGET_US:.0f}), {summary['ratio_to_peer']:.1f} times the peer; settle {summary['settle']:.1f} µs"
        )
    print(f"peer ({figures['peer']['what']}): {np.median(floor):.1f} µs")
    for name, cost in figures["release_by_row"].items():
        print(f"release, {name}: {cost:.1f} µs")
    print(f"written: {path.name}")


def _known(tier: Tier, shared: tuple[Limit, ...]) -> tuple[Guard, InMemory]:
    """A guard and its memory of ACCOUNTS accounts that have each asked once."""
    guard = Guard(Policy({tier.name: tier}, shared=shared, shadow=False), LeastOutput())
    memory = InMemory()
    for number in range(ACCOUNTS):
        query = _query(number, START)
        guard.settle(query, guard.admit(query, memory), Usage(1), memory)
    return guard, memory


def _query(number: int, at: float) -> Query:
    caller = Caller(Account(f"account-{number}"), f"key-{number}", "192.0.2.1", Basis.KEY)
    return Query(f"q-{number}", caller, "model", at, Inputs(InputKind.OPAQUE, 1), Cost(rows=1))


def _answer(row: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Answer:
    return Answer((Output("scores", OutputKind.NUMBERS, row[None, :]),))


def _traffic(generator: np.random.Generator, number: int) -> Traffic:
    callers = generator.choice(ACCOUNTS, QUERIES, replace=False)
    rows = generator.dirichlet(np.full(CLASSES, 0.3), QUERIES)
    at = START + 60.0 * (number + 1)
    return Traffic([_query(int(caller), at) for caller in callers], [_answer(row) for row in rows])


def _one_round(guard: Guard, memory: InMemory, traffic: Traffic) -> dict[str, float]:
    begun = perf_counter_ns()
    decisions = [guard.admit(query, memory) for query in traffic.queries]
    admitted = perf_counter_ns()
    for query, decision, answer in zip(traffic.queries, decisions, traffic.answers, strict=True):
        guard.release(query, decision, answer)
    released = perf_counter_ns()
    for query, decision in zip(traffic.queries, decisions, strict=True):
        guard.settle(query, decision, Usage(1), memory)
    settled = perf_counter_ns()
    if not all(decision.would_admit for decision in decisions):
        raise SystemExit("a query was refused: the benchmark would measure refusals")
    stages = {"admit": admitted - begun, "release": released - admitted, "settle": settled - released}
    return {stage: ns / QUERIES / 1000.0 for stage, ns in stages.items()}


def _floor_round(counts: dict[str, int], traffic: Traffic) -> float:
    begun = perf_counter_ns()
    for query, answer in zip(traffic.queries, traffic.answers, strict=True):
        account = query.caller.account.id
        counts[account] = counts.get(account, 0) + 1
        np.round(answer.outputs[0].values, 2)
    return (perf_counter_ns() - begun) / QUERIES / 1000.0


def _summary(stages: dict[str, list[float]], floor: list[float]) -> dict[str, float]:
    decision = np.array(stages["admit"]) + np.array(stages["release"])
    summary = {stage: float(np.median(costs)) for stage, costs in stages.items()}
    low, middle, high = np.quantile(decision, [0.25, 0.5, 0.75])
    ratio = float(np.median(decision / np.array(floor)))
    return {
        **summary,
        "decision": float(middle),
        "decision_q25": float(low),
        "decision_q75": float(high),
        "ratio_to_peer": ratio,
    }


def _release_by_row(generator: np.random.Generator) -> dict[str, float]:
    """Microseconds of ``release`` alone for rows of other kinds and sizes, each the median of rounds."""
    policy, contract = LeastOutput(), Tier("default").contract
    answers = {
        "a lone score": _answer(np.array([0.847392])),
        "10 probabilities": _answer(generator.dirichlet(np.ones(10))),
        "10 probabilities, top tied": _answer(np.array([0.1849, 0.1851, *np.full(8, 0.07875)])),
        "10 logits": _answer(generator.normal(scale=5.0, size=10)),
        "1000 probabilities": _answer(generator.dirichlet(np.ones(1000))),
        "embedding of 384": Answer((Output("e", OutputKind.EMBEDDINGS, generator.normal(size=(1, 384))),)),
        "256 rows of 10 probabilities": Answer((Output("p", OutputKind.SCORES, generator.dirichlet(np.ones(10), 256)),)),
    }
    return {name: _median_us(lambda answer=answer: policy.release(answer, contract)) for name, answer in answers.items()}


def _median_us(call: Callable[[], object], calls: int = 200) -> float:
    rounds = []
    for _ in range(ROUNDS):
        begun = perf_counter_ns()
        for _ in range(calls):
            call()
        rounds.append((perf_counter_ns() - begun) / calls / 1000.0)
    return float(np.median(rounds))


if __name__ == "__main__":
    main()
