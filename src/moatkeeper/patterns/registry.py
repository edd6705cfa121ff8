"""The detectors by name: one line each, and the contract tests cover it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from moatkeeper.patterns.base import Detector
from moatkeeper.patterns.boundary_probing import BoundaryProbing
from moatkeeper.patterns.boundary_walk import BoundaryWalk
from moatkeeper.patterns.class_balance import ClassBalance
from moatkeeper.patterns.clockwork import Clockwork
from moatkeeper.patterns.coverage import Coverage
from moatkeeper.patterns.density import Density
from moatkeeper.patterns.evenness import Evenness
from moatkeeper.patterns.foreign_inputs import ForeignInputs
from moatkeeper.patterns.generalist import Generalist
from moatkeeper.patterns.grain import Grain
from moatkeeper.patterns.impossible_values import ImpossibleValues
from moatkeeper.patterns.low_margin import LowMargin
from moatkeeper.patterns.memorised import Memorised
from moatkeeper.patterns.near_duplicates import NearDuplicates
from moatkeeper.patterns.out_of_place import OutOfPlace
from moatkeeper.patterns.pivot import Pivot
from moatkeeper.patterns.reasoning import Reasoning
from moatkeeper.patterns.round_the_clock import RoundTheClock
from moatkeeper.patterns.single_turn import SingleTurn
from moatkeeper.patterns.staged_hardness import StagedHardness
from moatkeeper.patterns.sweeps import Sweeps
from moatkeeper.patterns.system_prompt import SystemPrompt
from moatkeeper.patterns.templates import Templates
from moatkeeper.patterns.token_yield import TokenYield
from moatkeeper.patterns.under_limit import UnderLimit
from moatkeeper.patterns.unreal import Unreal
from moatkeeper.patterns.word_salad import WordSalad

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
    ImpossibleValues(),
    Unreal(),
    ForeignInputs(),
    Sweeps(),
    StagedHardness(),
    BoundaryProbing(),
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

HABITS = frozenset({"clockwork", "round-the-clock", "under-limit", "pivot"})
"""Detectors of when and how much, not of what is asked. A few honest programs stand far out in them (a nightly job, a monitor),
so that standing out there is no reason to take an account for a thief among the honest."""
