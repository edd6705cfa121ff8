from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from moatkeeper.serve.metrics import LATENCY_BUCKETS_S, Histogram, Metrics

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_every_number_is_told_in_the_text_format() -> None:
    metrics = Metrics()
    metrics.requests["tensorflow", "predict", 200] += 3
    metrics.refused["limit:account/rows"] += 2
    metrics.shadowed["limit:key/rows"] += 4
    metrics.upstream_failures["UpstreamTimeout"] += 1
    metrics.rows, metrics.tokens, metrics.unrecorded, metrics.in_flight = 5, 6, 7, 8
    metrics.gauges["keys"] = 9
    found = samples(metrics)
    labels = (("format", "tensorflow"), ("operation", "predict"), ("status", "200"))
    assert found["moatkeeper_requests_total", labels] == 3
    assert found["moatkeeper_refused_total", (("reason", "limit:account/rows"),)] == 2
    assert found["moatkeeper_would_refuse_total", (("reason", "limit:key/rows"),)] == 4
    assert found["moatkeeper_upstream_failures_total", (("error", "UpstreamTimeout"),)] == 1
    for name, value in (("rows_total", 5), ("tokens_total", 6), ("unrecorded_total", 7), ("in_flight", 8), ("keys", 9)):
        assert found[f"moatkeeper_{name}", ()] == value


@given(st.lists(st.floats(0, 100) | st.sampled_from(LATENCY_BUCKETS_S), max_size=20))
def test_a_histogram_counts_what_is_at_or_under_each_bound(durations_s: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations_s:
        histogram.observe(seconds)
    ordered = sorted(durations_s)
    expected = [(str(bound), float(bisect_right(ordered, bound))) for bound in LATENCY_BUCKETS_S]
    assert histogram.cumulative() == [*expected, ("+Inf", float(len(ordered)))]
    assert histogram.total_s == pytest.approx(sum(durations_s))


def test_a_histogram_is_told_with_its_sum_and_its_number() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.03, 500.0):
        metrics.request_s.observe(seconds)
    found = samples(metrics)
    assert found["moatkeeper_request_seconds_bucket", (("le", "0.001"),)] == 1
    assert found["moatkeeper_request_seconds_bucket", (("le", "0.05"),)] == 2
    assert found["moatkeeper_request_seconds_bucket", (("le", "+Inf"),)] == 3
    assert found["moatkeeper_request_seconds_count", ()] == 3
    assert found["moatkeeper_request_seconds_sum", ()] == pytest.approx(500.031)


def test_a_label_that_needs_quoting_is_quoted() -> None:
    metrics = Metrics()
    metrics.refused['a "quoted"\nreason\\'] += 1
    assert samples(metrics)["moatkeeper_refused_total", (("reason", 'a "quoted"\nreason\\'),)] == 1


def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.rows = 1
    assert samples(other)["moatkeeper_rows_total", ()] == 0
