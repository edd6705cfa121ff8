"""When honest customers call: laws fitted to real traces, carried as a few numbers; data/README.md names the traces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

HOUR_S = 3_600.0
DAY_HOURS = 24
WEEK_DAYS = 7

Quantiles = Mapping[float, float]
"""A quantile's value by its level in (0, 1)."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A positive quantity whose natural logarithm is normal."""

    log_mean: float
    log_sd: float

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Shape (count,)."""
        return np.exp(rng.normal(self.log_mean, self.log_sd, count))

    @property
    def mean(self) -> float:
        """The expectation."""
        return float(np.exp(self.log_mean + self.log_sd**2 / 2))


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many in a row, from 1 up: P(X >= k) = (1 + (k - 1) / scale)^-shape. A smaller shape has a heavier tail."""

    shape: float
    scale: float

    def draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Shape (count,), each at least 1."""
        spread = rng.random(count) ** (-1 / self.shape) - 1
        return np.floor(1 + self.scale * spread).astype(np.int64)

    @property
    def mean(self) -> float:
        """The expectation, but for what lies beyond a million in a row."""
        return _mean_length(self.shape, self.scale)


@cache
def _mean_length(shape: float, scale: float) -> float:
    return float(np.sum((1 + np.arange(1_000_000) / scale) ** -shape))


@dataclass(frozen=True, slots=True)
class Sessions:
    """People: visits of several requests each, days apart (GenTD26). Times in seconds."""

    within: LogNormal  # between two requests of one visit
    break_s: float  # a longer silence ends the visit
    length: Lengths  # requests a visit
    between: LogNormal  # between the starts of two visits, on a clock that nights hardly move
    visits: Lengths  # of one user in the three weeks of the trace
    activity_log_sd: float  # of the requests of a user
    row_counts: tuple[int, ...]
    row_shares: tuple[float, ...]
    hours: FloatArray
    days: FloatArray
    gap_s: Quantiles
    session_length: Quantiles
    requests_per_user: Quantiles

    def draw_rows(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Rows of each of ``count`` requests: images asked for at once in the trace."""
        shares = np.asarray(self.row_shares)
        return rng.choice(np.asarray(self.row_counts, dtype=np.int64), size=count, p=shares / shares.sum())


@dataclass(frozen=True, slots=True)
class Streams:
    """Programs: a gamma renewal process whose rate swings (ServeGen). ``variation`` is the CV of the gaps, client by client."""

    window_s: float
    rate_log_sd: float  # between clients
    variation: LogNormal
    swing_log_sd: float  # of a client's rate about its daily profile, window by window
    swing_follows: float  # correlation of that with the window before
    hours: FloatArray
    observed_variation: Quantiles
    busiest_hundredth_share: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that is carried. ``together`` are quantiles of the gaps of whole services, in means: compared, never fitted."""

    sessions: Sessions
    streams: Streams
    together: Mapping[str, Quantiles]


@cache
def load() -> Traffic:
    """The carried laws."""
    document = json.loads(files("moatkeeper.redteam").joinpath("data/traffic.json").read_bytes())
    people, programs = document["sessions"], document["streams"]
    sessions = Sessions(
        within=LogNormal(people["within_log_mean"], people["within_log_sd"]),
        break_s=people["break_s"],
        length=Lengths(people["length_shape"], people["length_scale"]),
        between=LogNormal(people["between_log_mean"], people["between_log_sd"]),
        visits=Lengths(people["visits_shape"], people["visits_scale"]),
        activity_log_sd=people["activity_log_sd"],
        row_counts=tuple(int(count) for count in people["rows"]),
        row_shares=tuple(people["rows"].values()),
        hours=np.asarray(people["hours"]),
        days=np.asarray(people["days"]),
        gap_s=_quantiles(people["observed"]["gap_s"]),
        session_length=_quantiles(people["observed"]["session_length"]),
        requests_per_user=_quantiles(people["observed"]["requests_per_user"]),
    )
    streams = Streams(
        window_s=programs["window_s"],
        rate_log_sd=programs["rate_log_sd"],
        variation=LogNormal(programs["variation_log_mean"], programs["variation_log_sd"]),
        swing_log_sd=programs["swing_log_sd"],
        swing_follows=programs["swing_follows"],
        hours=np.asarray(programs["hours"]),
        observed_variation=_quantiles(programs["observed"]["variation"]),
        busiest_hundredth_share=programs["observed"]["busiest_hundredth_share"],
    )
    together = {name: _quantiles(service["gap_in_means"]) for name, service in document["together"].items()}
    return Traffic(sessions, streams, together)


def _quantiles(named: Mapping[str, float]) -> Quantiles:
    return {float(level): value for level, value in named.items()}
