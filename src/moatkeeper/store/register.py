"""The register of a gateway: what its ladder knows of accounts and does about them, in the data directory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Footing, Kind, Known, Move
from moatkeeper.store.holds import Holds
from moatkeeper.store.proposals import Proposals, printable
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction
from moatkeeper.store.standings import KEEPER, Standings

_READ = "SELECT account, own, since, quiet, excused, proposed, reason FROM footings"


class Register:
    """Footings in memory, written when ``write`` is called; moves are durable at once.

    ``moved`` is told every move that was carried out, done or not.
    """

    def __init__(
        self, data: Path, standings: Standings, holds: Holds, proposals: Proposals, moved: Callable[[Move], None]
    ) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data)
        self._standings, self._holds, self._proposals, self._moved = standings, holds, proposals, moved
        self._changed: set[str] = set()
        self._organisations: dict[str, str] = {}
        with storing(self._path):
            rows = self._connection.execute(_READ)
            self._footings = {account: Footing(Standing(own), *rest) for account, own, *rest in rows}

    def belongs(self, account: str, organisation: str) -> None:
        """Notes an account's organisation, where that has an allowance: findings know accounts only."""
        if organisation and organisation in self._holds.organisations:
            self._organisations[account] = organisation

    def known(self, account: str, at: float) -> Known:
        """What is known of an account."""
        said = self._standings.said(account)
        return Known(
            standing=self._standings.get(account),
            said=Standing.GOOD if said is None else said.standing,
            said_at=0.0 if said is None else said.at,
            footing=self._footings.get(account, Footing()),
            hold=self._holds.hold(account, at),
            allowed=self._holds.allowance(account, self._organisations.get(account, ""), at) is not None,
        )

    def footings(self) -> dict[str, Footing]:
        """The accounts that the ladder has, or in shadow mode would have, anywhere but in good standing."""
        return {account: footing for account, footing in self._footings.items() if footing.own is not Standing.GOOD}

    def keep(self, account: str, footing: Footing) -> None:
        """Keeps an account's new footing."""
        self._footings[account] = footing
        self._changed.add(account)

    def carry_out(self, move: Move) -> None:
        """Sets the standing, or asks a person; raises StoreError where the disk fails, and is then to be tried again."""
        if move.kind is Kind.DONE:
            words = printable(move.words)
            self._standings.set(
                move.account, move.after, reason=move.reason, note=words, who=KEEPER, at=move.at, automatic=True
            )
        elif move.kind is not Kind.SHADOW:
            self._proposals.propose(move)
        self._moved(move)

    def write(self) -> None:
        """Writes the footings that have changed, all or none."""
        if not self._changed:
            return
        rows = [(account, *_row(self._footings[account])) for account in self._changed]
        with storing(self._path), transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO footings VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._changed.clear()

    def close(self) -> None:
        """Writes what has changed and ends the connection."""
        self.write()
        self._connection.close()


def footing_of(data: Path, account: str) -> Footing:
    """Where the ladder has an account, or in shadow mode would have it."""
    with storing(data / FILE_NAME), closing(connect(data, create=False)) as connection:
        row = connection.execute(f"{_READ} WHERE account = ?", (account,)).fetchone()
    return Footing() if row is None else Footing(Standing(row[1]), *row[2:])


def _row(footing: Footing) -> tuple[object, ...]:
    return (footing.own.value, footing.since, footing.quiet, footing.excused, footing.proposed, footing.reason)
