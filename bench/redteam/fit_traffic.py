"""Fits the arrival laws of the red team's honest customers to real traces, and writes the few numbers that the product carries.

    python -m bench.redteam.fit_traffic ../shared/data/traffic    # fits; needs pandas and pyarrow
    python -m bench.redteam.fit_traffic                           # compares what is simulated with what was carried

The traces stay where they are; only what is printed below leaves them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bench.common import ROOT
from moatkeeper.redteam import arrivals
from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.plan import START
from moatkeeper.redteam.population import KINDS, populate
from moatkeeper.redteam.traffic import HOUR_S, load

RESULT = ROOT / "src/moatkeeper/redteam/data/traffic.json"
SESSION_BREAK_S = 1_800.0
"""A longer silence begins a new session. In the trace 93 % of all gaps are shorter, and few lie near it."""
WINDOW_S = 600.0  # ServeGen's
TWO_WEEKS_S = 1_209_600.0
BUSY = 0.9  # share of windows in which a client was active, from which on its rhythm can be told from its silences
NIGHT = 4  # the hour to which the middle of the quietest six is turned
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


TRACE_DAYS, TRACE_USERS, TRACE_CLIENTS = 23, 4_247, 421
COMPARED_CUSTOMERS, COMPARED_DAYS = 1_000, 14.0


def main() -> None:
    """Writes the file and prints it; without a folder, prints the comparison."""
    if len(sys.argv) == 1:
        print(json.dumps(compare(0), indent=1))
        return
    folder = Path(sys.argv[1])
    document = {
        "sessions": sessions(folder / "gentd26_requests.csv.gz"),
        "streams": streams(folder / "servegen_clients.parquet"),
        "together": {kind: together(folder / f"azure_llm_2023_{kind}.csv.gz") for kind in ("conv", "code")},
    }
    text = json.dumps(document, indent=1)
    RESULT.write_text(text + "\n")
    print(text)


def compare(seed: int) -> dict[str, object]:
    """Quantiles of as many simulated users and clients as the traces have, each beside the trace's."""
    traffic, rng = load(), np.random.default_rng(seed)
    people, programs = traffic.sessions, traffic.streams
    clock = arrivals.Rhythm(arrivals.weekly(people.hours, people.days, START, TRACE_DAYS * DAY_S), HOUR_S)
    users = [arrivals.trial(people, rng.random() * clock.span_s, clock, rng) for _ in range(TRACE_USERS)]
    gaps = np.concatenate([np.diff(times) for times in users])
    counts = np.sort([len(times) for times in users])
    everybody = populate(tuple(KINDS.values()), COMPARED_CUSTOMERS, rng.normal(size=(200, 2)), COMPARED_DAYS, START, seed)
    merged = np.diff(everybody.times)

    def beside(values: np.ndarray, real: dict[float, float]) -> dict[str, list[float]]:
        return {str(level): [_r(np.quantile(values, level)), value] for level, value in real.items()}

    return {
        "gap_s": beside(gaps, dict(people.gap_s)),
        "requests_per_user": beside(counts, dict(people.requests_per_user)),
        "busiest_hundredth_share": _r(counts[-len(counts) // 100 :].sum() / counts.sum()),
        "session_length": beside(people.length.draw(50_000, rng), dict(people.session_length)),
        "stream_variation": beside(programs.variation.draw(TRACE_CLIENTS, rng), dict(programs.observed_variation)),
        "everybody_gap_in_means": beside(merged / merged.mean(), dict(traffic.together["conv"])),
        "everybody_variation": _r(merged.std() / merged.mean()),
    }


def sessions(file: Path) -> dict[str, object]:
    """People at an image-generation API, to the second: GenTD26."""
    log = pd.read_csv(file, parse_dates=["gmt_create"])
    log["t"] = (log.gmt_create - log.gmt_create.min().normalize()).dt.total_seconds()
    log = log.sort_values(["groupId", "t"], kind="stable")
    gaps = log.groupby("groupId").t.diff()
    log["begins"] = gaps.isna() | (gaps > SESSION_BREAK_S)
    within = np.log(gaps[gaps <= SESSION_BREAK_S].clip(lower=1))
    lengths = log.begins.cumsum().value_counts()
    hours, turned = _turned(log[log.begins].gmt_create.dt.hour.value_counts(normalize=True).reindex(range(24), fill_value=0))
    days = log[log.begins].groupby(log.gmt_create.dt.day_of_week).size().reindex(range(7), fill_value=0)
    starts = log[log.begins].assign(operational=_operational(log[log.begins].t - 3600 * turned, hours))
    between = np.log(starts.groupby("groupId").operational.diff().dropna())
    requests = log.groupby("groupId").size()
    visits = starts.groupby("groupId").size()
    images = log.num_images_per_prompt.dropna().astype(int).clip(1, 8)
    return {
        "within_log_mean": _r(within.mean()),
        "within_log_sd": _r(within.std()),
        "break_s": SESSION_BREAK_S,
        "length_shape": _lomax(lengths.to_numpy())[0],
        "length_scale": _lomax(lengths.to_numpy())[1],
        "between_log_mean": _r(between.mean()),
        "between_log_sd": _r(between.std()),
        "visits_shape": _lomax(visits.to_numpy())[0],
        "visits_scale": _lomax(visits.to_numpy())[1],
        "activity_log_sd": _r(np.log(requests).std()),
        "rows": {int(k): _r(v) for k, v in images.value_counts(normalize=True).sort_index().items() if v > 0.001},
        "hours": [_r(v) for v in hours],
        "days": [_r(v) for v in (days / days.mean())],
        "observed": {
            "gap_s": _quantiles(gaps.dropna()),
            "session_length": _quantiles(lengths),
            "requests_per_user": _quantiles(requests),
            "busiest_hundredth_share": _r(requests.nlargest(len(requests) // 100).sum() / requests.sum()),
        },
    }


def streams(file: Path) -> dict[str, object]:
    """Programs at a language-model API, rates and variation by ten minutes: ServeGen."""
    log = pd.read_parquet(file)
    log["who"] = log.model + "/" + log.client.astype(str)
    log["hour"] = (log.t // 3600) % 24
    rate = log.groupby("who").rate.sum() * WINDOW_S / TWO_WEEKS_S
    variation = np.log(log.groupby("who").cv.median().clip(lower=0.1))
    active = log.groupby("who").size() / (TWO_WEEKS_S / WINDOW_S)
    busy = log[log.who.isin(active[active > BUSY].index)].sort_values(["who", "t"]).copy()
    by_hour = busy.groupby(["who", "hour"]).rate.mean().unstack()
    hours, _ = _turned(by_hour.div(by_hour.mean(axis=1), axis=0).median())
    busy["log"] = np.log(busy.rate)
    busy["rest"] = busy.log - busy.groupby(["who", "hour"]).log.transform("mean")
    follows = busy.groupby("who").apply(lambda one: one.rest.corr(one.rest.shift(1)), include_groups=False)
    return {
        "window_s": WINDOW_S,
        "rate_log_sd": _r(np.log(rate).std()),
        "variation_log_mean": _r(variation.mean()),
        "variation_log_sd": _r(variation.std()),
        "swing_log_sd": _r(busy.groupby("who").rest.std().median()),
        "swing_follows": _r(follows.median()),
        "hours": [_r(v) for v in hours],
        "observed": {
            "variation": _quantiles(np.exp(variation)),
            "rate_per_s": _quantiles(rate),
            "busiest_hundredth_share": _r(rate.nlargest(len(rate) // 100).sum() / rate.sum()),
        },
    }


def together(file: Path) -> dict[str, object]:
    """All callers of one service, gaps in units of their mean: Azure. Only for comparison; nothing is fitted to it."""
    at = pd.read_csv(file, parse_dates=["TIMESTAMP"]).TIMESTAMP.sort_values()
    gaps = at.diff().dropna().dt.total_seconds()
    return {"gap_in_means": _quantiles(gaps / gaps.mean()), "variation": _r(gaps.std() / gaps.mean())}


def _turned(share: pd.Series) -> tuple[np.ndarray, int]:
    """The day's profile with a mean of 1, turned by whole hours so that the middle of its quietest six is at NIGHT.

    Both publishers moved their clocks by an amount that they do not tell. Also returns the hours that it was turned back.
    """
    values = share.to_numpy()
    quiet = np.argmin([np.roll(values, -start)[:6].sum() for start in range(24)])
    by = int((quiet + 3 - NIGHT) % 24)
    profile = np.roll(values, -by)
    return profile / profile.mean(), by


def _operational(at: pd.Series, hours: np.ndarray) -> np.ndarray:
    """Time that runs as fast as the day's profile is high, in seconds, so that nights count little."""
    grid = np.arange(-48, 24 * 40)
    passed = np.concatenate([[0.0], np.cumsum(np.maximum(hours[grid % 24], 1e-3))]) * 3600
    return np.interp(at, np.append(grid, grid[-1] + 1) * 3600.0, passed)


def _lomax(counts: np.ndarray) -> tuple[float, float]:
    """Shape a and scale b of P(X >= k) = (1 + (k - 1) / b)^-a, by maximum likelihood."""
    from scipy.optimize import minimize

    def loss(parameters: np.ndarray) -> float:
        a, b = np.exp(parameters)
        mass = (1 + (counts - 1) / b) ** -a - (1 + counts / b) ** -a
        return -float(np.log(np.maximum(mass, 1e-300)).sum())

    best = np.exp(minimize(loss, [0.5, 0.5], method="Nelder-Mead").x)
    return _r(best[0]), _r(best[1])


def _quantiles(values: pd.Series) -> dict[str, float]:
    return {str(q): _r(values.quantile(q)) for q in QUANTILES}


def _r(value: float) -> float:
    return float(f"{float(value):.4g}")


if __name__ == "__main__":
    main()
