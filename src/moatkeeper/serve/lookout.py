"""The lookout: what detectors found becomes standings, beside the request path, once a second."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from moatkeeper.config.settings import PatternsSettings
from moatkeeper.config.settings_patterns import RecordSettings, rules
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Standing
from moatkeeper.errors import CalibrationError, ConfigError, StoreError, UsageError
from moatkeeper.guard.ladder import Kind, Ladder, Move
from moatkeeper.patterns.evidence import RANKS_ABOVE
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.watch import Watch
from moatkeeper.serve.metrics import Metrics
from moatkeeper.store.calibrations import FOLDER, load_calibrations, seen
from moatkeeper.store.cases import StoredCases
from moatkeeper.store.exchanges import ExchangeLog
from moatkeeper.store.holds import Holds
from moatkeeper.store.proposals import Proposals
from moatkeeper.store.register import Register
from moatkeeper.store.standings import Standings

log = logging.getLogger("moatkeeper.lookout")

MOVES_A_TICK = 16
"""Each waits some milliseconds for the disk. Larger: a large ring is acted on sooner, and replies wait longer meanwhile."""
FINDINGS_KEPT = 100_000
"""That wait for a failing disk; beyond it the oldest are lost, and found again at the accounts' next checkpoints."""
MOVES_SHOWN = 100
PROPOSALS_SHOWN = 100

_NAMELESS = "a finding was dropped"
"""Said of an account whose name no store takes: it must not stand in the way of the others."""

Stand = Callable[[str, Standing], None]


class Lookout:
    """Everything between a finding and a standing, with what has to be written down about it."""

    def __init__(
        self,
        data: Path,
        settings: PatternsSettings,
        watch: Watch | None,
        standings: Standings,
        stand: Stand,
        metrics: Metrics,
    ) -> None:
        """``watch`` is that of ``watch_of``; ``stand`` sets a standing in the engine's memory."""
        self._data, self._stand, self._metrics = data, stand, metrics
        self.settings, self.watch = settings, watch
        self._folder = _folder(data, settings)
        self._seen = seen(self._folder)
        self.ladder = Ladder(rules(settings))
        self.holds = Holds.open(data)
        self.proposals = Proposals.open(data)
        self.cases = StoredCases.open(data, settings.most_cases)
        self.register = Register(data, standings, self.holds, self.proposals, self._moved)
        self._found: deque[Finding] = deque(maxlen=FINDINGS_KEPT)
        self._owed: deque[str] = deque()  # accounts about which shadow mode may have left something undone
        self._moves: deque[Move] = deque(maxlen=MOVES_SHOWN)
        self._problem = ""
        self._exchanges = _exchange_log(data, settings.record)

    @property
    def records(self) -> bool:
        """Whether exchanges are wanted although nobody looks at them."""
        return self._exchanges is not None

    def saw(self, exchange: Exchange) -> None:
        """Takes one completed exchange in, for the exchange log where it is kept. Never waits."""
        account = exchange.query.caller.account
        if account.organisation:
            self.register.belongs(account.id, account.organisation)
        if self._exchanges is not None:
            self._exchanges.note(exchange)

    def found(self, findings: Sequence[Finding]) -> None:
        """Takes findings in, to be judged at the next tick. Never waits."""
        self._metrics.looks += len(findings)
        self._found += findings

    def prepare(self, settings: PatternsSettings) -> Watch | None:
        """The watch under new settings; raises ConfigError and changes nothing."""
        folder = _folder(self._data, settings)
        return self.watch if folder == self._folder else watch_of(self._data, settings)

    def take_up(self, settings: PatternsSettings, watch: Watch | None, now: float) -> None:
        """Goes on with new settings and the watch that ``prepare`` made."""
        if settings.record != self.settings.record:
            self._tried(lambda: self._write_exchanges(now))
            self._exchanges = _exchange_log(self._data, settings.record)
        self._folder, self.watch = _folder(self._data, settings), watch
        self._seen = seen(self._folder)
        self.settings, self.ladder = settings, Ladder(rules(settings))
        self.enforce(now)

    def enforce(self, now: float) -> None:
        """Does what shadow mode left undone, where rules act now: some of it at once, the rest at the next ticks."""
        self._owed = deque(self.register.footings())
        self._tried(lambda: self._enforce(now))

    def new_watch(self) -> bool:
        """Whether a calibration has changed and was taken up; one that cannot be used is logged, and the old one kept."""
        found = seen(self._folder)
        if found == self._seen:
            return False
        self._seen = found
        try:
            self.watch = watch_of(self._data, self.settings)
        except ConfigError as error:
            log.error("the new calibration was refused, the old one stays", extra={"detail": error.message})
            return False
        log.info("calibrations read")
        return True

    def tick(self, now: float) -> None:
        """What is done once a second: findings are judged, and everything that has changed is written."""
        steps: tuple[Callable[[], None], ...] = (
            self.holds.refresh,
            lambda: self._enforce(now),
            self._judge,
            self.register.write,
            self._write_cases,
            lambda: self._write_exchanges(now),
        )
        problem = ""
        for step in steps:
            problem = self._tried(step) or problem
        if problem and not self._problem:
            log.error("standings and cases cannot be written; tried again every second", extra={"detail": problem})
        self._problem = problem

    def close(self, now: float) -> None:
        """Judges and writes what waits."""
        while (self._found or self._owed) and not self._problem:
            self.tick(now)
        self._write_exchanges(now)
        self.cases.close()
        self.register.close()
        self.proposals.close()
        self.holds.close()

    def document(self) -> dict[str, object]:
        """The page for the operator: what is watched, what was moved, what waits for a person."""
        calibrations = {} if self.watch is None else self.watch.calibrations
        return {
            "mode": self.settings.mode,
            "models": {
                name: {
                    "honest_accounts": one.accounts,
                    "checkpoints": list(one.rows),
                    "least_bound": one.least_alpha,
                    "ranks_only": one.least_alpha > RANKS_ABOVE,
                }
                for name, one in calibrations.items()
            },
            "moves": {f"{kind}:{after}": count for (kind, after), count in sorted(self._metrics.moves.items())},
            "recent": [told(move) for move in reversed(self._moves)],
            "waiting_findings": len(self._found),
            "waiting_cases": self.cases.waiting,
            "problem": self._problem,
            "proposals": [
                {
                    "account": one.account,
                    "standing": one.standing.value,
                    "kind": one.kind.value,
                    "reason": one.reason,
                    "words": one.words,
                    "evidence": one.evidence,
                    "p_value": one.p_value,
                    "at": one.at,
                }
                for one in self.proposals.waiting(PROPOSALS_SHOWN)
            ],
        }

    def gauges(self) -> dict[str, float]:
        """Numbers for the metrics; none of them names an account."""
        lost = 0 if self._exchanges is None else self._exchanges.lost
        return {"open_proposals": self.proposals.count(), "cases_in_memory": len(self.cases), "exchanges_not_logged": lost}

    def _tried(self, step: Callable[[], None]) -> str:
        """What the disk says against a step; empty where it was done."""
        try:
            step()
        except StoreError as error:
            return error.message
        return ""

    def _enforce(self, now: float) -> None:
        moved = 0
        while self._owed and moved < MOVES_A_TICK:
            account = self._owed[0]
            move = self.ladder.enforce(account, self.register.known(account, now), now)
            if move is not None:
                self._carry_out(move)
                moved += 1
            self._owed.popleft()

    def _carry_out(self, move: Move) -> None:
        try:
            self.register.carry_out(move)
        except UsageError as error:
            log.error(_NAMELESS, extra={"detail": error.message})

    def _judge(self) -> None:
        moved = 0
        while self._found and moved < MOVES_A_TICK:
            try:
                moved += len(self.ladder.take((self._found[0],), self.register))
            except UsageError as error:
                log.error(_NAMELESS, extra={"detail": error.message})
            self._found.popleft()

    def _moved(self, move: Move) -> None:
        self._moves.append(move)
        self._metrics.moves[move.kind.value, move.after.value] += 1
        self.cases.sooner(move.account)  # whoever undoes this reads the evidence there
        if move.kind is Kind.DONE:
            self._stand(move.account, move.after)

    def _write_cases(self) -> None:
        self.cases.write()

    def _write_exchanges(self, now: float) -> None:
        if self._exchanges is not None:
            self._exchanges.write(now)


def told(move: Move) -> dict[str, object]:
    """A move as JSON values."""
    return {
        "account": move.account,
        "model": move.model,
        "at": move.at,
        "before": move.before.value,
        "after": move.after.value,
        "kind": move.kind.value,
        "reason": move.reason,
        "words": move.words,
        "evidence": move.evidence,
    }


def _folder(data: Path, settings: PatternsSettings) -> Path:
    return data / FOLDER if settings.calibrations is None else settings.calibrations


def watch_of(data: Path, settings: PatternsSettings) -> Watch | None:
    """The watch that the calibration files make, None without any; raises ConfigError for one that cannot be used."""
    try:
        calibrations = load_calibrations(_folder(data, settings))
    except CalibrationError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    return Watch(calibrations) if calibrations else None


def _exchange_log(data: Path, settings: RecordSettings) -> ExchangeLog | None:
    if not settings.enabled:
        return None
    return ExchangeLog(data, file_bytes=settings.file_bytes, total_bytes=settings.total_bytes, queue_bytes=settings.queue_bytes)
