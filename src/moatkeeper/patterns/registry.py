"""The detectors by name: one line each, and the contract tests cover it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.boundary_walk import BoundaryWalk
from moatkeeper.patterns.grain import Grain
from moatkeeper.patterns.impossible_values import ImpossibleValues
from moatkeeper.patterns.low_margin import LowMargin
from moatkeeper.patterns.memorised import Memorised
from moatkeeper.patterns.near_duplicates import NearDuplicates
from moatkeeper.patterns.out_of_place import OutOfPlace
from moatkeeper.patterns.reasoning import Reasoning
from moatkeeper.patterns.single_turn import SingleTurn
from moatkeeper.patterns.system_prompt import SystemPrompt
from moatkeeper.patterns.templates import Templates
from moatkeeper.patterns.token_yield import TokenYield
from moatkeeper.patterns.unreal import Unreal
from moatkeeper.patterns.word_salad import WordSalad

_ALL: tuple[Detector, ...] = (
    LowMargin(),
    NearDuplicates(),
    ImpossibleValues(),
    Unreal(),
    Grain(),
    BoundaryWalk(),
    OutOfPlace(),
    WordSalad(),
    Templates(),
    Reasoning(),
    SystemPrompt(),
    Memorised(),
    SingleTurn(),
    TokenYield(),
)

DETECTORS: Mapping[str, Detector] = MappingProxyType({detector.name: detector for detector in _ALL})
"""All detectors, in the order in which reports name them."""
