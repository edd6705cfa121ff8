"""The detectors by name: one line each, and the contract tests cover it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.class_balance import ClassBalance
from moatkeeper.patterns.clockwork import Clockwork
from moatkeeper.patterns.coverage import Coverage
from moatkeeper.patterns.density import Density
from moatkeeper.patterns.evenness import Evenness
from moatkeeper.patterns.generalist import Generalist
from moatkeeper.patterns.low_margin import LowMargin
from moatkeeper.patterns.near_duplicates import NearDuplicates
from moatkeeper.patterns.pivot import Pivot
from moatkeeper.patterns.round_the_clock import RoundTheClock
from moatkeeper.patterns.under_limit import UnderLimit

_ALL: tuple[Detector, ...] = (
    LowMargin(),
    NearDuplicates(),
    Generalist(),
    Coverage(),
    Evenness(),
    ClassBalance(),
    Density(),
    Clockwork(),
    RoundTheClock(),
    UnderLimit(),
    Pivot(),
)

DETECTORS: Mapping[str, Detector] = MappingProxyType({detector.name: detector for detector in _ALL})
"""All detectors, in the order in which reports name them."""
