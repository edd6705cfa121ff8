"""The same campaign before several guards: comparable, because customers and thieves are the same before each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moatkeeper.guard.guard import Guard
from moatkeeper.redteam.campaign import campaign
from moatkeeper.redteam.campaign_findings import Campaign
from moatkeeper.redteam.plan import Plan
from moatkeeper.redteam.scene import Scene


@dataclass(frozen=True, slots=True)
class Defence:
    """A guard under a name; None is the bare model."""

    name: str
    guard: Guard | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was measured, guard by guard, as far as it came. ``planned`` names all guards that were to be compared."""

    seed: int
    scene: str
    plan: Plan
    planned: tuple[str, ...]
    campaigns: tuple[Campaign, ...]

    @property
    def whole(self) -> bool:
        """Whether every guard's campaign came to its end."""
        return len(self.campaigns) == len(self.planned) and all(campaign.whole for campaign in self.campaigns)


Tell = Callable[[int, float], None]
"""Told the place of the guard that is tried, and the day that its campaign has come to."""


def _tell_nobody(place: int, day: float) -> None:
    """Where nobody waits."""


def rehearse(scene: Scene, plan: Plan, defences: Sequence[Defence], seed: int, tell: Tell = _tell_nobody) -> Rehearsal:
    """The plan before each defence; after an interruption no further one is tried, and what is there is returned.

    ``seed`` names what scene and plan were drawn from; nothing more is drawn here.
    """
    done: list[Campaign] = []
    for place, defence in enumerate(defences):
        try:
            done.append(campaign(defence.name, defence.guard, scene, plan, _at(tell, place)))
        except KeyboardInterrupt:  # in the moment between two steps, where a campaign has nothing to hand back yet
            break
        if not done[-1].whole:
            break
    return Rehearsal(seed, scene.name, plan, tuple(defence.name for defence in defences), tuple(done))


def _at(tell: Tell, place: int) -> Callable[[float], None]:
    return lambda day: tell(place, day)
