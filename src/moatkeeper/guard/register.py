"""A register in memory: for replay, the red team and tests. A gateway keeps its own in its store."""

from __future__ import annotations

from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Footing, Hold, Kind, Known, Move
from moatkeeper.guard.memory import Memory


class RegisterInMemory:
    """Footings, holds and allow-lists in dictionaries, over the standings of an engine's memory.

    A standing that is not the one which was set here was set by a person.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._set: dict[str, Standing] = {}
        self._said: dict[str, tuple[Standing, float]] = {}
        self._footings: dict[str, Footing] = {}
        self.holds: dict[str, Hold] = {}
        self.allowed: dict[str, float] = {}  # until when, by account
        self.moves: list[Move] = []

    def known(self, account: str, at: float) -> Known:
        """What is known of an account."""
        standing = self._memory.standing(account)
        if standing is not self._set.get(account, Standing.GOOD):
            self._set[account] = standing
            self._said[account] = (standing, at)
        said, said_at = self._said.get(account, (Standing.GOOD, 0.0))
        footing = self._footings.get(account, Footing())
        return Known(standing, said, said_at, footing, self.holds.get(account), at < self.allowed.get(account, at))

    def keep(self, account: str, footing: Footing) -> None:
        """Keeps an account's new footing."""
        self._footings[account] = footing

    def carry_out(self, move: Move) -> None:
        """Sets the standing where the move is to be done; every move is kept in ``moves``."""
        self.moves.append(move)
        if move.kind is Kind.DONE:
            self._set[move.account] = move.after
            self._memory.stand(move.account, move.after)
