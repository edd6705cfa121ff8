"""The ladder: from what was found of an account to its standing, by degrees, each of them reversible.

Evidence never decays, so it decides only how far up an account may go; how it comes down again is a matter of time and of quiet
looks. Whatever was judged once, by a person or by coming down, counts again only when the evidence has doubled: nobody flaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from moatkeeper.core.judgement import Standing
from moatkeeper.patterns.finding import Finding

DOUBLED = 2.0
"""Evidence that was judged once counts again when it is so many times as large. Larger: a judgement holds longer."""
QUIET = 0.2
"""P-value from which a look is quiet; four of five looks at an honest account are. Larger: slower down again."""
RANKED = 0.01
"""P-value up to which an account is shown to a person where evidence means nothing but an order. Larger: a longer queue."""
ALLOWED = "allowed"
QUIETER = "pattern:quiet"
"""Reason codes of the two ways down."""

_DEPTH = {standing: depth for depth, standing in enumerate(Standing)}
_ENDED = frozenset({Standing.SUSPENDED, Standing.TERMINATED})
_DAY_S = 86_400.0


class Kind(StrEnum):
    """What became of a move."""

    DONE = "done"  # the standing was changed
    SHADOW = "shadow"  # it would have been
    PROPOSED = "proposed"  # a person is asked
    RANKED = "ranked"  # a person may look; too few honest accounts for more


@dataclass(frozen=True, slots=True)
class Rules:
    """When the ladder moves. The three alphas bound the share of honest accounts that are ever raised so far."""

    act: bool = False  # False: shadow mode, nothing but a report
    watched_at: float = 0.05  # larger: more honest accounts are watched, thieves are earlier
    restricted_at: float = 0.01
    named_at: float = 0.001  # from here on, suspension is proposed
    automatic: Standing = Standing.RESTRICTED  # the furthest standing that needs no person's approval
    down_after_s: float = 14 * _DAY_S  # on a rung before one step down; larger: an honest customer suffers longer
    quiet_looks: int = 2  # in a row before a step down; larger: the same

    def evidence(self, standing: Standing) -> float:
        """The evidence that a standing takes; infinite for those that evidence alone never proposes."""
        alphas = {Standing.WATCHED: self.watched_at, Standing.RESTRICTED: self.restricted_at, Standing.SUSPENDED: self.named_at}
        return 0.0 if standing is Standing.GOOD else 1 / alphas[standing] if standing in alphas else float("inf")


@dataclass(frozen=True, slots=True)
class Footing:
    """Where the ladder has an account, or in shadow mode would have it: ``own`` since ``since``, for ``reason``."""

    own: Standing = Standing.GOOD
    since: float = 0.0
    quiet: int = 0  # looks in a row that were
    excused: float = 0.0  # evidence that was judged and forgiven
    proposed: float = 0.0  # evidence at the last proposal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A person's word that an account is not to be moved before ``until``, given at so much evidence."""

    until: float
    evidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """All that counts beside a finding. ``said`` is what a person said last, at ``said_at``: the ladder stays at or above it.

    ``standing`` is the one in force.
    """

    standing: Standing = Standing.GOOD
    said: Standing = Standing.GOOD
    said_at: float = 0.0
    footing: Footing = field(default_factory=Footing)
    hold: Hold | None = None
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A change of standing that was made, would have been made, or is proposed; with its reason as a code and in words."""

    account: str
    model: str
    at: float
    before: Standing
    after: Standing
    kind: Kind
    reason: str
    words: str
    evidence: float
    p_value: float = 1.0
    rows: int = 0


class Register(Protocol):
    """Where standings, footings, holds and allow-lists are kept."""

    def known(self, account: str, at: float) -> Known:
        """What is known of an account."""
        ...

    def keep(self, account: str, footing: Footing) -> None:
        """Keeps an account's new footing."""
        ...

    def carry_out(self, move: Move) -> None:
        """Does what the move says, and takes it down."""
        ...


class Ladder:
    """Judges findings by rules. It never changes; what it remembers of accounts is in the register."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def take(self, findings: Iterable[Finding], register: Register) -> tuple[Move, ...]:
        """The moves that findings lead to, kept and carried out."""
        moves: list[Move] = []
        for finding in findings:
            known = register.known(finding.account, finding.at)
            footing, due = self.judge(finding, known)
            for move in due:
                register.carry_out(move)
            # After that, so that a finding whose move failed can be taken again and leads to it again.
            if footing != known.footing:
                register.keep(finding.account, footing)
            moves += due
        return tuple(moves)

    def judge(self, finding: Finding, known: Known) -> tuple[Footing, tuple[Move, ...]]:
        """The account's new footing, and the moves that are due."""
        footing = _heard(known)
        if known.said in _ENDED:
            return footing, ()
        if finding.ranks_only:
            asks = finding.p_value <= RANKED and not self._held(finding, known) and not known.allowed
            return footing, (self._move(finding, known.standing, Standing.WATCHED, Kind.RANKED),) if asks else ()
        if known.allowed:
            excused = max(footing.excused, finding.evidence)
            own = footing.own is not Standing.GOOD
            footing = replace(footing, own=Standing.GOOD, quiet=0, excused=excused, reason=ALLOWED if own else footing.reason)
            return self._settled(finding, known, footing)
        if self._held(finding, known):
            return footing, ()
        reached = self._reached(finding, footing)
        footing = self._stepped(finding, footing, _nearer(reached, self.rules.automatic))
        footing, moves = self._settled(finding, known, footing)
        beyond = _deeper(reached, self.rules.automatic) and _deeper(reached, known.said)
        if not beyond or finding.evidence < DOUBLED * footing.proposed:
            return footing, moves
        asked = self._move(finding, known.standing, reached, Kind.PROPOSED)
        return replace(footing, proposed=finding.evidence), (*moves, asked)

    def enforce(self, account: str, known: Known, at: float) -> Move | None:
        """What shadow mode left undone about an account, when its rules begin to act."""
        footing = _heard(known)
        after = _further(known.said, footing.own)
        held = known.hold is not None and at < known.hold.until
        if not self.rules.act or held or known.allowed or known.said in _ENDED or not _deeper(after, known.standing):
            return None
        words = "found while nothing but a report was made of it"
        return Move(account, "", at, known.standing, after, Kind.DONE, footing.reason or "pattern:evidence", words, 0.0)

    def _held(self, finding: Finding, known: Known) -> bool:
        hold = known.hold
        if hold is None or finding.at >= hold.until:
            return False
        return finding.evidence < DOUBLED * max(hold.evidence, self.rules.evidence(Standing.WATCHED))

    def _reached(self, finding: Finding, footing: Footing) -> Standing:
        """The furthest standing that the evidence is enough for; what was forgiven counts only when it has doubled."""
        if footing.excused and finding.evidence < DOUBLED * footing.excused:
            return Standing.GOOD
        return max((one for one in Standing if finding.evidence >= self.rules.evidence(one)), key=_DEPTH.__getitem__)

    def _stepped(self, finding: Finding, footing: Footing, allowed: Standing) -> Footing:
        rules = self.rules
        if _deeper(allowed, footing.own):
            at = max(finding.at, footing.since)
            return replace(footing, own=allowed, since=at, quiet=0, reason=reason_of(finding))
        if footing.own is Standing.GOOD:
            return footing
        quiet = footing.quiet + 1 if finding.p_value >= QUIET else 0
        if quiet < rules.quiet_looks or finding.at - footing.since < rules.down_after_s:
            return replace(footing, quiet=quiet)
        lower = tuple(Standing)[_DEPTH[footing.own] - 1]
        excused = max(footing.excused, finding.evidence)
        return replace(footing, own=lower, since=finding.at, quiet=0, excused=excused, reason=QUIETER)

    def _settled(self, finding: Finding, known: Known, footing: Footing) -> tuple[Footing, tuple[Move, ...]]:
        """The move from the standing in force to that of the footing, if they differ."""
        before = known.standing if self.rules.act else _further(known.said, known.footing.own)
        after = _further(known.said, footing.own)
        if before is after:
            return footing, ()
        kind = Kind.DONE if self.rules.act else Kind.SHADOW
        return footing, (self._move(finding, before, after, kind, footing.reason),)

    def _move(self, finding: Finding, before: Standing, after: Standing, kind: Kind, reason: str = "") -> Move:
        return Move(
            finding.account,
            finding.model,
            finding.at,
            before,
            after,
            kind,
            reason or reason_of(finding),
            words_of(finding),
            finding.evidence,
            finding.p_value,
            finding.rows,
        )


def reason_of(finding: Finding) -> str:
    """The reason code: the detector that found most, or that only all of them together did."""
    return f"pattern:{finding.signals[0].reading.detector}" if finding.signals else "pattern:evidence"


def words_of(finding: Finding) -> str:
    """The finding in words that a person understands."""
    told = [signal.reading.reason for signal in finding.signals if signal.reading.reason]
    seen = "; ".join(told) or "no single sign stands out"
    if finding.ranks_only:
        return f"{seen} (after {finding.rows} rows; too few honest accounts are known to say how rare that is)"
    odds = "" if finding.evidence <= 1 else f": of honest accounts at most one in {finding.evidence:,.0f} ever gets so far"
    return f"{seen} (after {finding.rows} rows, evidence {finding.evidence:,.1f}{odds})"


def _heard(known: Known) -> Footing:
    """The footing, begun anew where a person spoke after the ladder's last step."""
    footing = known.footing
    if known.said_at <= footing.since:
        return footing
    return replace(footing, own=Standing.GOOD, since=known.said_at, quiet=0, reason="")


def _deeper(one: Standing, other: Standing) -> bool:
    return _DEPTH[one] > _DEPTH[other]


def _further(one: Standing, other: Standing) -> Standing:
    return one if _deeper(one, other) else other


def _nearer(one: Standing, other: Standing) -> Standing:
    return other if _deeper(one, other) else one
