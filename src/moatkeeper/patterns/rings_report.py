"""What is said about rings: that there is one, whom to treat with care in silence, whom to name. Three tiers, never mixed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from moatkeeper.patterns.packing import packable


class Rule(StrEnum):
    """Why an account is on a list."""

    RATIO = "ratio"  # its own rows are like what is new in the window (attribution.py)
    SHARED_CELLS = "shared-cells"  # it meets others where no honest customer ever was (shared_cells.py)
    TRAITS = "traits"  # it has an agent, a network, a day of sign-up or the like in common with conspicuous ones (cells.py)
    LINKS = "links"  # it is linked with others, and all their rows together are too strange (links.py)


@packable
@dataclass(frozen=True, slots=True)
class Budget:
    """Shares of honest accounts that each rule may name, settled beforehand: together they are the promise."""

    ratio: float = 0.0005
    shared_cells: float = 0.0002
    traits: float = 0.0002
    links: float = 0.0001

    @property
    def total(self) -> float:
        """The share of honest accounts that may be named in all."""
        return self.ratio + self.shared_cells + self.traits + self.links

    def among(self, share: float) -> Budget:
        """The shares of those honest accounts that are looked at at all, where they are this share of all, in (0, 1]."""
        return Budget(self.ratio / share, self.shared_cells / share, self.traits / share, self.links / share)


@dataclass(frozen=True, slots=True)
class Sign:
    """A test that says that a ring is in the window. It names nobody. ``z`` and ``cut`` in standard deviations, or accounts."""

    test: str  # "excess of NAME", "repulsion", "shared cells", "trait KIND"
    z: float
    cut: float
    share: float  # of the window's accounts, at least; NaN where the test cannot say
    words: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """An account on a list. ``p_value`` is that of the rule, against honest accounts."""

    account: str
    rule: Rule
    rows: int
    p_value: float
    reason: str


@dataclass(frozen=True, slots=True)
class RingReport:
    """The three tiers of one window, and what is promised.

    ``signs`` say that there is a ring. ``silent`` accounts may be treated with care, reversibly and without their noticing: the
    promise is that about nine in ten of those that the ratio puts there belong to a ring, not that few honest accounts are hit.
    ``named`` accounts may be shown to a person who decides: honest accounts are named at no more than the budget on average.
    """

    accounts: int
    signs: tuple[Sign, ...]
    silent: tuple[Suspect, ...]
    named: tuple[Suspect, ...]
    promises: tuple[str, ...]
    refused: tuple[str, ...]  # what could not be tested or promised, and why

    @property
    def ring(self) -> bool:
        """Whether there is a ring in the window."""
        return bool(self.signs)
