"""What the gateway counts: plain integers on the request path, turned into Prometheus families when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds: from our own share of a request to a long generation."""


@dataclass(slots=True)
class Histogram:
    """Counts of durations by bucket, their sum, and their number."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_S) + 1))
    total_s: float = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one duration."""
        self.counts[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self.total_s += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Bucket bounds and the number of durations at or under each, as Prometheus wants them."""
        running, pairs = 0, []
        for bound, count in zip((*map(str, LATENCY_BUCKETS_S), "+Inf"), self.counts, strict=True):
            running += count
            pairs.append((bound, float(running)))
        return pairs


class Metrics(Collector):
    """All counters of one gateway. Labels are few and bounded: formats, statuses and reason codes, never accounts."""

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)  # format, operation, status
        self.refused: defaultdict[str, int] = defaultdict(int)  # reason code
        self.shadowed: defaultdict[str, int] = defaultdict(int)  # reason code of what would have been refused
        self.rows = 0
        self.tokens = 0
        self.in_flight = 0
        self.looks = 0  # of detectors at accounts, at checkpoints
        self.moves: defaultdict[tuple[str, str], int] = defaultdict(int)  # what became of it, the standing it led to
        self.unrecorded = 0  # exchanges that the ledger could not take
        self.upstream_failures: defaultdict[str, int] = defaultdict(int)  # error class
        self.request_s = Histogram()  # from the request's last byte to the answer's last byte
        self.upstream_s = Histogram()  # what the model server took of it
        self.gauges: dict[str, float] = {}  # set by the owner of the number just before collection

    def collect(self) -> Iterator[Metric]:
        """The families, read without a lock: the event loop owns every number here."""
        yield _counter("requests", "Requests answered", ("format", "operation", "status"), self.requests.items())
        yield _counter("refused", "Queries refused, by reason code", ("reason",), _single(self.refused))
        yield _counter("would_refuse", "Queries that enforcement would have refused", ("reason",), _single(self.shadowed))
        yield _counter(
            "upstream_failures", "Answers the model server failed to give", ("error",), _single(self.upstream_failures)
        )
        yield _counter("rows", "Rows answered", (), [((), self.rows)])
        yield _counter("tokens", "Tokens answered", (), [((), self.tokens)])
        yield _counter("looks", "Looks at accounts by detectors", (), [((), self.looks)])
        yield _counter("moves", "Changes of standing, by what became of them", ("kind", "standing"), self.moves.items())
        yield _counter("unrecorded", "Exchanges that the ledger could not take", (), [((), self.unrecorded)])
        for name, text, histogram in (
            ("request_seconds", "Time to answer, the model server's included", self.request_s),
            ("upstream_seconds", "Time that the model server took", self.upstream_s),
        ):
            family = HistogramMetricFamily(f"moatkeeper_{name}", text)
            family.add_metric([], histogram.cumulative(), histogram.total_s)
            yield family
        yield GaugeMetricFamily("moatkeeper_in_flight", "Requests being served now", value=self.in_flight)
        for name, value in sorted(self.gauges.items()):
            yield GaugeMetricFamily(f"moatkeeper_{name}", name.replace("_", " "), value=value)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)


def _single(counts: dict[str, int]) -> Iterable[tuple[tuple[str, ...], int]]:
    return [((name,), count) for name, count in counts.items()]


def _counter(
    name: str, text: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str | int, ...], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"moatkeeper_{name}", text, labels=labels)
    for values, count in counts:
        family.add_metric([str(value) for value in values], count)
    return family
