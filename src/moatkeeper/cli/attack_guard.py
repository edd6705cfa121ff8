"""A model in this process behind a configuration of Moatkeeper: the real engine, on a clock that waits for nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from moatkeeper.cli.attack_options import read_text
from moatkeeper.config.load import load
from moatkeeper.config.policy import policy
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.guard.guard import Guard
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.adaptive.crew import Crew
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan
from moatkeeper.redteam.base import RowVictim
from moatkeeper.redteam.world import World

START_S = 1_700_000_000.0
"""When simulated campaigns begin; any time would do, so it is always the same."""


@dataclass(frozen=True, slots=True)
class Guarding:
    """A configuration, and how many accounts of which tier the thief has, for how many simulated days.

    An empty ``tier`` is the configuration's default one.
    """

    file: Path
    accounts: int = 1
    tier: str = ""
    days: float = float("inf")

    @property
    def identity(self) -> str:
        """Tells this guard from others, for the journal."""
        digest = sha256(read_text(self.file).encode()).hexdigest()
        return f"guarded {digest} {self.accounts} {self.tier} {self.days}"

    @property
    def title(self) -> str:
        """What reports call the defence."""
        shadow = " in shadow mode, which refuses nothing" if load(self.file).limits.mode == "shadow" else ""
        plural = "s" if self.accounts != 1 else ""
        return f"behind {self.file.name}{shadow}, {self.accounts} account{plural}"


def guarded(answer: Callable[[FloatArray], FloatArray], guarding: Guarding, model: str) -> Callable[[int], RowVictim]:
    """A victim for each seed: the model behind the guard, with a memory and a clock of its own.

    Raises UsageError for a tier that the configuration does not have.
    """
    settings = load(guarding.file)
    tier = guarding.tier or settings.limits.default_tier
    if tier not in settings.tiers:
        raise UsageError(f"{guarding.file}: found no tier {tier!r}", hint=f"It has {', '.join(settings.tiers)}.")
    plan = CrewPlan(accounts=guarding.accounts, tier=tier, days=guarding.days)

    def victim(position: int) -> RowVictim:
        world = World(answer, Guard(policy(settings), LeastOutput()), start=START_S, name=model)
        return Crew(world, plan, np.random.default_rng(position))

    return victim
