"""The tables that a run prints, and the targets that it is held against."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from bench.common import RESULTS
from bench.gateway.measure import Reading, Rounds, Typical

CEILING_SHARE = 0.9  # of what the generator reaches against the model server itself

ADDED_P50_US = 300.0
ADDED_P99_US = 2000.0
TO_ENVOY = 1.0
TO_LITELLM = 10.0
MEMORY_MIB = 200.0
TARGET_ACCOUNTS = 100_000
DECISION_US = 20.0

_NAME = 22
_FIGURE = 28


def progress(what: str) -> None:
    """One line on a terminal about what is measured now; silent elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what} ...", end="", file=sys.stderr, flush=True)


def latency(title: str, rounds: Rounds) -> None:
    """Prints latencies, and what each contender adds."""
    columns: Mapping[str, Reading] = {"p50 µs": lambda turn: turn.p50_us, "p99 µs": lambda turn: turn.p99_us}
    _table(title, rounds, columns, added=True)


def events(title: str, rounds: Rounds) -> None:
    """Prints the delays of streams."""
    columns: Mapping[str, Reading] = {
        "first byte µs": lambda turn: turn.first_us,
        "event p50 µs": lambda turn: turn.event_p50_us,
        "event p99 µs": lambda turn: turn.event_p99_us,
    }
    _table(title, rounds, columns, added=True)


def throughput(title: str, rounds: Rounds, unit: str = "requests/s") -> None:
    """Prints requests a second, and marks those that the generator limits."""
    columns: Mapping[str, Reading] = {unit: lambda turn: turn.a_second, "p99 µs": lambda turn: turn.p99_us}
    _table(title, rounds, columns, added=False, bound=generator_bound(rounds))


def ladder(title: str, rounds: Rounds, what: Sequence[str]) -> None:
    """Prints what each rung reaches, and the processor time that it adds to the rung below."""
    _heading(title)
    print(f"  {'':36}{'requests/s':>{_FIGURE}}{'cpu µs a request':>18}{'added':>9}")
    below = None
    for name, text in zip(rounds.names, what, strict=True):
        cost = rounds.cpu_us(name)
        added = "" if below is None else f"{cost - below:+.1f}"
        print(f"  {text:36}{rounds.typical(name, lambda turn: turn.a_second)!s:>{_FIGURE}}{cost:>18.1f}{added:>9}")
        below = cost


def accounts(figures: Mapping[str, object]) -> None:
    """Prints what many accounts cost in memory."""
    _heading(f"memory: {figures['accounts']:,} known accounts, each of which has asked once")
    print(
        f"  {figures['resident_mib']} MiB resident ({figures['resident_mib_at_start']} MiB before the first request,"
        f" {figures['resident_mib_peak_with_shutdown']} MiB at most, the snapshot at shutdown included);"
        f" {figures['a_second']:,} requests/s, {figures['failures']} failures"
    )


def generator_bound(rounds: Rounds) -> list[str]:
    """Contenders whose throughput is within a tenth of what the generator can do: the true figure may be higher."""
    if "direct" not in rounds.names:
        return []
    ceiling = rounds.typical("direct", lambda turn: turn.a_second).median
    return [
        name
        for name in rounds.names
        if name != "direct" and rounds.typical(name, lambda turn: turn.a_second).median >= CEILING_SHARE * ceiling
    ]


def targets(figures: Mapping[str, object]) -> list[dict[str, object]]:
    """Each aim of the project beside what this run measured; ``met`` is None where it was not measured."""
    added = _at(figures, "latency", "moatkeeper", "p50_us_added"), _at(figures, "latency", "moatkeeper", "p99_us_added")
    accounts_known = _at(figures, "accounts", "accounts")
    memory = _at(figures, "accounts", "resident_mib") if accounts_known == TARGET_ACCOUNTS else None
    rows = (
        ("added p50, 1 KB, one connection (µs)", added[0], ADDED_P50_US, True),
        ("added p99, 1 KB, one connection (µs)", added[1], ADDED_P99_US, True),
        ("throughput, times Envoy's pass-through", _at(figures, "throughput", "moatkeeper_to", "envoy"), TO_ENVOY, False),
        ("throughput, times LiteLLM", _at(figures, "litellm", "moatkeeper_to_litellm"), TO_LITELLM, False),
        ("memory with 100,000 accounts (MiB)", memory, MEMORY_MIB, True),
        ("a decision: admit + release (µs)", _decision_us(), DECISION_US, True),
    )
    return [
        {"what": what, "measured": measured, "target": target, "at_most": at_most, "met": _met(measured, target, at_most)}
        for what, measured, target, at_most in rows
    ]


def print_targets(found: Sequence[Mapping[str, object]]) -> None:
    """Prints the aims."""
    _heading("aims")
    verdicts = {True: "met", False: "NOT met", None: "not measured"}
    for each in found:
        sign = "<=" if each["at_most"] else ">="
        measured = "" if each["measured"] is None else str(each["measured"])
        verdict = verdicts[each["met"]]  # type: ignore[index]
        print(f"  {each['what']:42}{sign} {each['target']:<8g}{measured:>{_FIGURE}}  {verdict}")


def _table(title: str, rounds: Rounds, columns: Mapping[str, Reading], *, added: bool, bound: Sequence[str] = ()) -> None:
    _heading(title)
    heads = [head for name in columns for head in ((name, "added") if added else (name,))]
    print(f"  {'':{_NAME}}" + "".join(f"{head:>{_FIGURE}}" for head in heads) + f"{'cpu µs':>10}")
    for name in rounds.names:
        cells: list[object] = []
        for reading in columns.values():
            cells.append(rounds.typical(name, reading))
            if added:
                cells.append("" if name == "direct" else rounds.added(name, reading))
        notes = [f"{rounds.failures(name)} failures"] if rounds.failures(name) else []
        notes += ["generator-bound"] if name in bound else []
        line = f"  {name:{_NAME}}" + "".join(f" {cell!s:>{_FIGURE - 1}}" for cell in cells) + f"{rounds.cpu_us(name):>10.1f}"
        print(f"{line}  {', '.join(notes)}".rstrip())


def _heading(title: str) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(f"\n{title}")


def _at(figures: object, *path: str) -> object:
    for name in path:
        figures = figures.get(name) if isinstance(figures, Mapping) else None
    return figures


def _met(measured: object, target: float, at_most: bool) -> bool | None:
    value = measured.median if isinstance(measured, Typical) else measured
    if not isinstance(value, int | float):
        return None
    return value <= target if at_most else value >= target


def _decision_us() -> object:
    """The median of the strictest common policy in the last run of bench.decision, where there was one."""
    path = RESULTS / "decision.json"
    if not path.exists():
        return None
    guards = json.loads(path.read_text())["guard"]
    return round(next(iter(guards.values()))["decision"], 1)
