"""The detectors by name: one line each, and the contract tests cover it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.impossible_values import ImpossibleValues
from moatkeeper.patterns.low_margin import LowMargin
from moatkeeper.patterns.near_duplicates import NearDuplicates
from moatkeeper.patterns.unreal import Unreal

_ALL: tuple[Detector, ...] = (
    LowMargin(),
    NearDuplicates(),
    ImpossibleValues(),
    Unreal(),
)

DETECTORS: Mapping[str, Detector] = MappingProxyType({detector.name: detector for detector in _ALL})
"""All detectors, in the order in which reports name them."""
