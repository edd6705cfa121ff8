"""Puts the parts together: one data directory, one configuration, one gateway, and what has to be done once a second."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from moatkeeper import __version__
from moatkeeper.config.policy import fail_open, formats, policy
from moatkeeper.config.settings import Settings
from moatkeeper.core.judgement import Standing
from moatkeeper.errors import ConfigError, StoreError
from moatkeeper.evidence import records
from moatkeeper.evidence.canonical import Record
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.replay import replay
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.patterns.watch import Watch
from moatkeeper.serve.addresses import Addresses
from moatkeeper.serve.admin import Admin, AdminPages
from moatkeeper.serve.gateway import Gateway, ModelServer, Running
from moatkeeper.serve.identify import Identifier, ProxyHeaders, TokenChecker
from moatkeeper.serve.lookout import Lookout, watch_of
from moatkeeper.serve.metrics import Metrics
from moatkeeper.serve.recorder import LedgerRecorder, NoRecorder, Recorder
from moatkeeper.serve.requests import ForwardedRequests
from moatkeeper.serve.tracing import NO_TRACING, open_telemetry
from moatkeeper.serve.upstream import Timeouts, Upstream
from moatkeeper.store.actors import Actors
from moatkeeper.store.keys import Keys
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.ledger_log import events, logged_queries
from moatkeeper.store.memory import InMemory
from moatkeeper.store.secret import load_secret
from moatkeeper.store.snapshots import load_snapshot, save_snapshot
from moatkeeper.store.standings import Standings

log = logging.getLogger("moatkeeper.house")

SNAPSHOT = "limits"
SNAPSHOT_S = 300.0
"""Between two snapshots of the limits; larger: less often a pause, more of the ledger to replay after a crash."""

SNAPSHOT_RECORDS = 200_000
"""Records after which a snapshot is made earlier: a few seconds of replay."""


class House:
    """Everything behind the two ports. Opened before the first request, closed after the last."""

    def __init__(
        self, settings: Settings, *, upstream: ModelServer | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        # What a configuration can lack is asked for before the data folder is made: a start that fails leaves nothing behind.
        self._upstream = upstream if upstream is not None else model_server(settings)
        _authorization(settings)
        data = settings.server.data
        watch = watch_of(data, settings.patterns)
        self.secret = load_secret(data)
        self.keys = Keys.open(data)
        self.standings = Standings.open(data)
        self.actors = Actors.open(data)
        self.metrics = Metrics()
        self.lookout = Lookout(data, settings.patterns, watch, self.standings, self._stand, self.metrics)
        first = self.running(settings, watch)
        self.memory = _restored(data, first.guard, self.actors.all())
        for account, standing in self.standings.all().items():
            self.memory.stand(account, standing)
        self.memory.watching.cases = self.lookout.cases
        self.ledger = (
            Ledger.open(data, flush_s=settings.ledger.flush_s, queue_limit=settings.ledger.queue_limit)
            if settings.ledger.enabled
            else None
        )
        self._clock = clock
        self._snapshot_due = clock() + SNAPSHOT_S
        self._saved_at = self.ledger.written if self.ledger is not None else 0
        recorder: Recorder = (
            LedgerRecorder(self.ledger, self.secret, settings.ledger.queue_limit) if self.ledger is not None else NoRecorder()
        )
        self.gateway = Gateway(
            first,
            self._upstream,
            self.memory,
            recorder,
            metrics=self.metrics,
            tracing=open_telemetry() if settings.telemetry.opentelemetry else NO_TRACING,
            clock=clock,
            lookout=self.lookout,
        )
        self.admin = Admin(AdminPages(self._health, self._problems, self._exposition, self._shadow, self.lookout.document))
        self.lookout.enforce(clock())
        self._note(
            records.START,
            records.start_record(
                version=__version__, process=os.getpid(), upstreams=self._upstreams(), shadow=self._is_shadow()
            ),
        )

    def running(self, settings: Settings, watch: Watch | None) -> Running:
        """What a configuration makes of the gateway; raises ConfigError."""
        return Running(
            guard=Guard(policy(settings), LeastOutput(), watch),
            formats=formats(settings),
            identifier=self._identifier(settings),
            requests=ForwardedRequests(_authorization(settings)),
            fail_open=lambda path: fail_open(settings, path),
            body_limit=settings.server.body_limit_bytes,
            answer_limit=settings.server.answer_limit_bytes,
            max_in_flight=settings.server.max_in_flight,
            read_timeout_s=settings.server.read_timeout_s,
            write_timeout_s=settings.server.write_timeout_s,
            show_quota=settings.limits.mode == "enforce",
        )

    def reload(self, settings: Settings) -> None:
        """Takes a new configuration up between two requests; raises ConfigError and keeps the old one."""
        watch = self.lookout.prepare(settings.patterns)
        self.gateway.running = self.running(settings, watch)
        self.settings = settings
        self.lookout.take_up(settings.patterns, watch, self._clock())
        self._note(records.CONFIG, records.config_record(digest=_digest(settings), accepted=True))

    def refused(self, error: ConfigError) -> None:
        """Takes down that a new configuration was refused, and why."""
        record = records.config_record(digest=_digest(self.settings), accepted=False, problem=error.message)
        self._note(records.CONFIG, record)

    def tick(self) -> None:
        """What is done once a second: other processes' changes are taken in, idle buckets forgotten, limits saved."""
        now = self._clock()
        self.keys.refresh()
        for account in self.standings.refresh():
            self.memory.stand(account, self.standings.get(account))
        if self.actors.refresh():
            self.memory.watching.actors = self.actors.all()
        if self.lookout.new_watch():
            self.gateway.running = self.running(self.settings, self.lookout.watch)
        self._look()
        self.lookout.tick(now)
        self.memory.sweep(now)
        written = self.ledger.written if self.ledger is not None else 0
        if now >= self._snapshot_due or written - self._saved_at >= SNAPSHOT_RECORDS:
            self._snapshot_due = now + SNAPSHOT_S
            self._save()

    async def close(self) -> None:
        """Writes down what waits; call after the last request."""
        self._note(records.STOP, records.stop_record(process=os.getpid(), reason="asked to stop"))
        if isinstance(self._upstream, Upstream):
            await self._upstream.close()
        if self.ledger is not None:
            self.ledger.close()
        self.gateway.tracing.close()
        self._look()
        self.lookout.close(self._clock())
        self._save()
        self.actors.close()
        self.standings.close()
        self.keys.close()

    def _look(self) -> None:
        """Looks at the exchanges that still wait. What goes wrong there must not stop what else is done once a second."""
        try:
            self.lookout.found(self.gateway.running.guard.look(self.memory))
        except Exception:
            log.exception("looking failed")

    def _stand(self, account: str, standing: Standing) -> None:
        self.memory.stand(account, standing)

    def _save(self) -> None:
        written = self._saved_at = self.ledger.written if self.ledger is not None else 0
        save_snapshot(self.settings.server.data, SNAPSHOT, self.memory.snapshot(), written, at=self._clock())

    def _note(self, kind: str, fields: Record) -> None:
        if self.ledger is not None:
            try:
                self.ledger.append(kind, self._clock(), fields)
            except StoreError as error:
                log.error("the ledger takes no records", extra={"detail": error.message})

    def _identifier(self, settings: Settings) -> Identifier:
        identity = settings.identity
        header = identity.header
        return Identifier(
            secret=self.secret,
            addresses=Addresses(str(network) for network in identity.trusted_proxies),
            keys=self.keys,
            tokens=_tokens(settings, self.secret),
            proxy_headers=ProxyHeaders(_field(header.account), _field(header.organisation), _field(header.tier))
            if header
            else None,
            default_tier=settings.limits.default_tier,
            required=identity.mode == "required",
        )

    def _is_shadow(self) -> bool:
        return self.settings.limits.mode == "shadow"

    def _upstreams(self) -> list[str]:
        return [self.settings.upstream.url] if self.settings.upstream.url else []

    def _health(self) -> dict[str, object]:
        ledger = self.ledger
        return {
            "status": "ok",
            "version": __version__,
            "ledger_written": ledger.written if ledger is not None else None,
            "ledger_waiting": ledger.depth if ledger is not None else None,
        }

    def _problems(self) -> list[str]:
        problem = self.ledger.failed if self.ledger is not None else None
        return [problem.message] if problem is not None else []

    def _exposition(self) -> bytes:
        gauges = self.metrics.gauges
        gauges["keys"] = len(self.keys)
        gauges["buckets"] = len(self.memory)
        gauges |= self.lookout.gauges()
        gauges["accounts_not_in_good_standing"] = len(self.standings.all())
        gauges["accounts_tied"] = len(self.memory.watching.actors)
        if self.ledger is not None:
            gauges["ledger_written"] = self.ledger.written
            gauges["ledger_waiting"] = self.ledger.depth
        return self.metrics.exposition()

    def _shadow(self) -> dict[str, object]:
        return self.gateway.shadow.document(shadow=self._is_shadow())


def _restored(data: Path, guard: Guard, actors: Mapping[str, str]) -> InMemory:
    """The limits as they were when the last process ended, however it ended.

    A snapshot is older than a crash, so the ledger's records after it go through the guard again. What was in flight at the
    snapshot is counted twice then: a restart must not give a thief anything back. Accounts are tied as they are now, so that
    what those records took is charged to their actor, too.
    """
    saved = load_snapshot(data, SNAPSHOT)
    memory = InMemory.restore(saved.content) if saved is not None else InMemory()
    memory.watching.actors = actors
    began = time.perf_counter()
    count = 0
    for _ in replay(events(logged_queries(data, after=saved.seq if saved is not None else 0)), guard, memory):
        count += 1
    if count:
        log.info("limits recovered from the ledger", extra={"queries": count, "took_s": round(time.perf_counter() - began, 3)})
    return memory


def model_server(settings: Settings) -> Upstream:
    """The client of the configured model server; raises ConfigError where none is configured."""
    upstream = settings.upstream
    if upstream.url is None:
        raise ConfigError(
            "no model server is configured: expected `upstream.url`",
            hint="run: moatkeeper serve --upstream http://127.0.0.1:8000",
        )
    return Upstream(
        upstream.url,
        timeouts=Timeouts(
            connect_s=upstream.connect_timeout_s,
            first_byte_s=upstream.first_byte_timeout_s,
            idle_s=upstream.idle_timeout_s,
            keep_alive_s=upstream.keep_alive_s,
        ),
        connections=upstream.connections,
        ca_file=str(upstream.ca_file) if upstream.ca_file is not None else None,
    )


def _digest(settings: Settings) -> str:
    """The SHA-256 of a configuration as it is in force, defaults and overrides included."""
    return sha256(settings.model_dump_json().encode()).hexdigest()


def _authorization(settings: Settings) -> bytes | None:
    """The credential for the model server, from the environment; raises ConfigError where the variable is not set."""
    name = settings.upstream.authorization_env
    if name is None:
        return None
    value = os.environ.get(name, "").strip()
    if not value or not value.isprintable():
        raise ConfigError(
            f"the environment variable {name} is not set or not printable, expected the value of `Authorization`",
            hint=f'set it, for example: export {name}="Bearer ..."',
        )
    return value.encode()


def _tokens(settings: Settings, secret: bytes) -> TokenChecker | None:
    jwt = settings.identity.jwt
    if jwt is None:
        return None
    # An optional dependency: the module itself says which extra is missing.
    from moatkeeper.serve.tokens import Claims, Tokens

    claims = Claims(jwt.issuer, jwt.audience, jwt.account_claim, jwt.organisation_claim or "", jwt.tier_claim or "")
    return Tokens(
        Path(jwt.keys_file), claims, secret=secret, default_tier=settings.limits.default_tier, algorithms=jwt.algorithms
    )


def _field(name: str | None) -> bytes:
    return name.lower().encode() if name else b""
