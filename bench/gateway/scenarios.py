"""What is measured: each scenario prints its table and gives its figures."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import machine, report
from bench.gateway.accounts import make_keys
from bench.gateway.bodies import CHUNKS, workloads
from bench.gateway.check import check
from bench.gateway.contenders import Contender, DidNotStart, Workshop
from bench.gateway.litellm_proxy import start_litellm
from bench.gateway.load import drive
from bench.gateway.measure import Load, Reading, Rounds, Turn, summary, take_turns
from bench.gateway.rungs import RUNGS, WHAT

SEED = 20_260_104
CALLERS = 64  # accounts that take turns wherever the number of accounts is not what is measured
BUSY = 16  # connections in every throughput figure
STREAMS = 4  # streams at the same time
MIB = 2**20
SETTLE_S = 1.0  # for the writer of the ledger to catch up before memory is read

LATENCY: Mapping[str, Reading] = {"p50_us": lambda turn: turn.p50_us, "p99_us": lambda turn: turn.p99_us}
THROUGHPUT: Mapping[str, Reading] = {"a_second": lambda turn: turn.a_second, "p99_us": lambda turn: turn.p99_us}
EVENTS: Mapping[str, Reading] = {
    "first_us": lambda turn: turn.first_us,
    "event_p50_us": lambda turn: turn.event_p50_us,
    "event_p99_us": lambda turn: turn.event_p99_us,
}


def a_second(turn: Turn) -> float:
    """Requests answered in a second."""
    return turn.a_second


@dataclass(frozen=True, slots=True)
class Scale:
    """How long everything is measured. ``rounds`` and ``length`` multiply; ``accounts`` are those of the memory figure."""

    rounds: float
    length: float
    accounts: int

    def load(
        self, connections: int, rounds: int, *, seconds: float | None = None, count: int | None = None, least_s: float = 0.0
    ) -> Load:
        """A load of this scale, of ``least_s`` seconds a turn at least, so that slow answers are seen at all."""
        return Load(
            connections,
            max(2, round(rounds * self.rounds)),
            None if seconds is None else max(seconds * self.length, min(seconds, least_s)),
            None if count is None else max(20, round(count * self.length)),
        )


FULL = Scale(rounds=1.0, length=1.0, accounts=100_000)
QUICK = Scale(rounds=0.4, length=0.4, accounts=20_000)


class Run:
    """One run of the benchmark: its contenders, and the figures so far."""

    def __init__(self, workshop: Workshop, scale: Scale) -> None:
        self.workshop = workshop
        self.scale = scale
        self.workloads = workloads()
        self.figures: dict[str, object] = {}
        self.missing: dict[str, str] = {}
        self.others_cores: dict[str, float] = {}
        self._seed = SEED
        data = workshop.folder / "moatkeeper"
        keys = make_keys(data, CALLERS)
        self.data, self.keys = data, keys
        self.moatkeeper = workshop.moatkeeper("moatkeeper", data, keys)
        self.peers = [workshop.forwarder()]
        for start in (workshop.envoy, workshop.nginx):
            try:
                self.peers.append(start())
            except DidNotStart as error:
                self.missing[start.__name__] = str(error)
        self.all = [workshop.upstream, self.moatkeeper, *self.peers]
        for workload in self.workloads.values():
            for each in self.all:
                check(each, workload, least=each is self.moatkeeper)

    async def take_turns(self, name: str, contenders: Sequence[Contender], workload: str, load: Load) -> Rounds:
        """The rounds of one table; notes how busy others kept the machine meanwhile."""
        self._seed += 1
        report.progress(name)
        rounds = await take_turns(contenders, self.workloads[workload], load, seed=self._seed)
        self.others_cores[name] = round(rounds.others_cores, 2)
        return rounds

    async def small(self) -> None:
        """1 KB: added latency at one connection, throughput at sixteen."""
        latency = await self.take_turns("latency", self.all, "predict 1 KB", self.scale.load(1, 30, count=300))
        report.latency("added latency: 1 KB of JSON, one connection", latency)
        busy = await self.take_turns("throughput", self.all, "predict 1 KB", self.scale.load(BUSY, 8, seconds=1.0))
        report.throughput(f"throughput: 1 KB of JSON, {BUSY} connections", busy)
        self.figures["latency"] = summary(latency, LATENCY)
        self.figures["throughput"] = summary(busy, THROUGHPUT) | {
            "generator_bound": report.generator_bound(busy),
            "moatkeeper_to": {
                each.name: busy.ratio("moatkeeper", a_second, each.name) for each in self.all if each is not self.moatkeeper
            },
        }

    async def large(self) -> None:
        """300 KB answers: scores as JSON, and a chat answer full of log-probabilities."""
        figures: dict[str, object] = {}
        for workload in ("predict 300 KB", "chat 300 KB"):
            latency = await self.take_turns(f"{workload}, latency", self.all, workload, self.scale.load(1, 6, count=40))
            report.latency(f"added latency: {workload} answers, one connection", latency)
            busy = await self.take_turns(f"{workload}, busy", self.all, workload, self.scale.load(4, 5, seconds=0.7))
            report.throughput(f"throughput: {workload} answers, four connections", busy)
            figures[workload] = {"latency": summary(latency, LATENCY), "throughput": summary(busy, THROUGHPUT)}
        self.figures["large"] = figures

    async def streams(self) -> None:
        """Server-sent events: what is added to the first byte and to each event, and streams a second."""
        paced = await self.take_turns(
            "streams, paced", self.all, "stream paced", self.scale.load(STREAMS, 6, seconds=1.0, least_s=1.0)
        )
        report.events(f"streams: {CHUNKS} events 5 ms apart, {STREAMS} connections", paced)
        busy = await self.take_turns("streams, busy", self.all, "stream", self.scale.load(STREAMS, 5, seconds=1.0, least_s=1.0))
        report.throughput(f"streams: {CHUNKS} events at once, {STREAMS} connections", busy, unit="streams/s")
        self.figures["streams"] = {"paced": summary(paced, EVENTS), "busy": summary(busy, THROUGHPUT)}

    async def ladder(self) -> None:
        """What each layer adds."""
        rungs = [self.workshop.rung(rung, self.data, self.keys) for rung in RUNGS]
        contenders = [*rungs, self.moatkeeper]
        load = self.scale.load(BUSY, 8, seconds=0.8)
        busy = await self.take_turns("ladder", contenders, "predict 1 KB", load)
        report.ladder(f"ladder: 1 KB of JSON, {BUSY} connections", busy, [*WHAT.values()])
        self.figures["ladder"] = summary(busy, THROUGHPUT, added_to="")
        for each in rungs:
            self.workshop.retire(each)

    async def accounts(self) -> None:
        """The memory of a gateway that knows many accounts, each of which has asked."""
        report.progress("accounts")
        data = self.workshop.folder / "accounts"
        keys = await asyncio.to_thread(make_keys, data, self.scale.accounts)
        gateway = self.workshop.moatkeeper("accounts", data, keys)
        fresh = machine.resident_bytes(gateway.process.pid)
        requests = self.workloads["predict 1 KB"].requests(gateway.host, keys)
        sample = await drive(gateway.address, requests, connections=BUSY, warm_s=0.0, count=len(keys), hang_s=120.0)
        await asyncio.sleep(SETTLE_S)
        after = machine.resident_bytes(gateway.process.pid)
        peak = _stop_and_watch(gateway)
        self.workshop.retire(gateway)
        figures = {
            "accounts": len(keys),
            "resident_mib_at_start": round(fresh / MIB, 1),
            "resident_mib": round(after / MIB, 1),
            "resident_mib_peak_with_shutdown": round(peak / MIB, 1),
            "a_second": round(sample.a_second, 1),
            "failures": sample.failures,
        }
        report.accounts(figures)
        self.figures["accounts"] = figures

    async def litellm(self) -> None:
        """LiteLLM, which speaks OpenAI's protocol only."""
        report.progress("LiteLLM starts")
        try:
            peer = start_litellm(self.workshop)
        except DidNotStart as error:
            self.missing["litellm"] = str(error)
            return
        check(peer, self.workloads["chat 1 KB"], least=False)
        contenders = [self.workshop.upstream, self.moatkeeper, peer]
        latency = await self.take_turns("LiteLLM, latency", contenders, "chat 1 KB", self.scale.load(1, 8, count=50))
        report.latency("added latency: 1 KB chat, one connection", latency)
        busy = await self.take_turns("LiteLLM, busy", contenders, "chat 1 KB", self.scale.load(BUSY, 5, seconds=1.5))
        report.throughput(f"throughput: 1 KB chat, {BUSY} connections", busy)
        self.figures["litellm"] = {
            "latency": summary(latency, LATENCY),
            "throughput": summary(busy, THROUGHPUT),
            "moatkeeper_to_litellm": busy.ratio("moatkeeper", a_second, "litellm"),
        }
        self.workshop.retire(peer)


def _stop_and_watch(gateway: Contender) -> int:
    """The most memory that a gateway ever held, its shutdown with a snapshot of all limits included; 0 where unknown."""
    peak = 0
    gateway.process.send_signal(signal.SIGTERM)
    status = Path(f"/proc/{gateway.process.pid}/status")
    while gateway.process.poll() is None:
        with suppress(OSError, StopIteration):
            line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
            peak = max(peak, int(line.split()[1]) * 1024)
        time.sleep(0.01)
    return peak
