from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from moatkeeper.config.load import parse, settings_of
from moatkeeper.config.settings import Settings
from moatkeeper.core.judgement import Reading, Signal, Standing
from moatkeeper.errors import ConfigError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.memory import Memory
from moatkeeper.patterns.finding import Finding
from moatkeeper.serve.asgi import Receive, Scope, Send, read_body
from moatkeeper.serve.house import House
from moatkeeper.serve.middleware import InProcess
from moatkeeper.serve.tracing import NoTracing
from moatkeeper.store.actors import Actors
from moatkeeper.store.ledger_read import entries
from moatkeeper.store.standings import Standings

FIVE_ROWS = """
[limits]
mode = "enforce"
default_tier = "tiny"
[tiers.tiny]
limits = [{ scope = "account", unit = "rows", amount = 5, per = "hour" }]
[ledger]
flush_s = 0.001
"""

NOON = 1_700_000_000.0


class Model:
    """A model server in this process that remembers the header fields it was sent."""

    def __init__(self) -> None:
        self.seen: list[Mapping[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(dict(scope["headers"]))
        rows = json.loads(await read_body(receive, (), 10_000))["instances"]
        answer = json.dumps({"predictions": [[0.847392, 0.152608] for _ in rows]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})


def settings(data: Path, text: str = FIVE_ROWS) -> Settings:
    return settings_of(parse(text, "test"), {"server.data": data})


def house(data: Path, text: str = FIVE_ROWS, *, model: Model | None = None) -> House:
    return House(settings(data, text), upstream=InProcess(model or Model()), clock=lambda: NOON)


async def ask(gateway: House, rows: int, token: str = "thief") -> int:
    transport, headers = httpx.ASGITransport(gateway.gateway), {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        return (await client.post("/v1/models/m:predict", json={"instances": [[1.0]] * rows})).status_code


async def page(gateway: House, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway.admin), base_url="http://admin") as client:
        return await client.get(path)


async def asked_and_closed(gateway: House, *rows: int) -> list[int]:
    try:
        return [await ask(gateway, number) for number in rows]
    finally:
        await gateway.close()


def test_a_restart_keeps_limits_and_standings(tmp_path: Path) -> None:
    assert asyncio.run(asked_and_closed(house(tmp_path), 4)) == [200]
    with Standings.open(tmp_path) as standings:
        standings.set("bearer-nobody", Standing.SUSPENDED, reason="review")
    again = house(tmp_path)
    assert again.memory.standing("bearer-nobody") is Standing.SUSPENDED
    assert asyncio.run(asked_and_closed(again, 2, 1)) == [429, 200]


def test_without_its_data_a_restart_would_begin_anew(tmp_path: Path) -> None:
    assert asyncio.run(asked_and_closed(house(tmp_path / "one"), 4)) == [200]
    assert asyncio.run(asked_and_closed(house(tmp_path / "two"), 2)) == [200]


def test_a_standing_set_by_another_process_is_taken_in_within_a_tick(tmp_path: Path) -> None:
    async def main() -> list[int]:
        running = house(tmp_path)
        before = await ask(running, 1)
        account = next(iter(running.memory.uses(NOON))).bucket.owner
        with Standings.open(tmp_path) as standings:
            standings.set(account, Standing.SUSPENDED, reason="review")
        running.tick()
        after = await ask(running, 1)
        await running.close()
        return [before, after]

    assert asyncio.run(main()) == [200, 403]


def test_a_tie_made_by_another_process_is_taken_in_within_a_tick_and_holds_after_a_crash(tmp_path: Path) -> None:
    async def main() -> list[int]:
        running = house(tmp_path)
        for token in ("one", "two", "three"):
            await ask(running, 1, token)
        owners = (use.bucket.owner for use in running.memory.uses(NOON) if use.bucket.limit == "account:rows:3600")
        first, second, _ = owners
        before = await ask(running, 4, "one")
        running.tick()
        assert running.memory.watching.actors == {}  # one address, one agent, one hour: no reason to tie
        with Actors.open(tmp_path) as actors:
            actors.tie("ring", [first, second], reason="test")
        running.tick()
        after = [await ask(running, 4, "two"), await ask(running, 1, "one"), await ask(running, 4, "three")]
        assert running.ledger is not None
        running.ledger.close()  # and no more: the limits are not saved, as after a crash
        again = house(tmp_path)
        assert again.memory.watching.actors == {first: "ring", second: "ring"}
        assert {use.bucket.owner: use.used for use in again.memory.uses(NOON)}["\x1fring"] > 0
        await again.close()
        return [before, *after]

    assert asyncio.run(main()) == [200, 200, 429, 200]


def test_a_reload_swaps_the_policy_and_a_bad_one_keeps_the_old(tmp_path: Path) -> None:
    async def main() -> list[int]:
        running = house(tmp_path)
        running.reload(settings(tmp_path, FIVE_ROWS.replace("amount = 5", "amount = 1")))
        tightened = await ask(running, 2)
        bad = Settings.model_validate(
            {"identity": {"jwt": {"keys_file": str(tmp_path / "nowhere.json"), "issuer": "i", "audience": "a"}}}
        )
        with pytest.raises(ConfigError):
            running.reload(bad)
        kept = await ask(running, 2)
        await running.close()
        return [tightened, kept]

    assert asyncio.run(main()) == [429, 429]
    (changed,) = entries(tmp_path, kind="config")
    assert changed.fields["accepted"] is True


def test_a_refused_configuration_is_on_record_with_its_fault(tmp_path: Path) -> None:
    running = house(tmp_path)
    running.refused(ConfigError("moatkeeper.toml:3: found nothing good"))
    asyncio.run(running.close())
    (refused,) = entries(tmp_path, kind="config")
    assert (refused.fields["accepted"], refused.fields["problem"]) == (False, "moatkeeper.toml:3: found nothing good")


def test_a_start_that_fails_leaves_no_data_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    with pytest.raises(ConfigError, match="no model server is configured"):
        House(settings(data))
    monkeypatch.delenv("UPSTREAM_TOKEN", raising=False)
    named = FIVE_ROWS + '[upstream]\nurl = "http://127.0.0.1:9"\nauthorization_env = "UPSTREAM_TOKEN"\n'
    with pytest.raises(ConfigError, match="UPSTREAM_TOKEN"):
        House(settings(data, named))
    assert not data.exists()


def test_the_operators_credential_replaces_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_TOKEN", "Bearer operator")
    model = Model()
    named = FIVE_ROWS + '[upstream]\nauthorization_env = "UPSTREAM_TOKEN"\n'
    assert asyncio.run(asked_and_closed(house(tmp_path, named, model=model), 1)) == [200]
    assert model.seen[0][b"authorization"] == b"Bearer operator"


def test_the_admin_pages_tell_of_the_ledger(tmp_path: Path) -> None:
    async def main() -> tuple[httpx.Response, httpx.Response]:
        running = house(tmp_path)
        await ask(running, 1)
        assert running.ledger is not None
        running.ledger.flush()
        health, metrics = await page(running, "/healthz"), await page(running, "/metrics")
        await running.close()
        return health, metrics

    health, metrics = asyncio.run(main())
    assert health.json()["ledger_written"] == 2
    assert "moatkeeper_ledger_written 2.0" in metrics.text


def test_start_query_and_stop_are_on_record(tmp_path: Path) -> None:
    asyncio.run(asked_and_closed(house(tmp_path), 1))
    assert [entry.kind for entry in entries(tmp_path)] == ["start", "query", "stop"]


def test_what_a_crash_left_in_the_ledger_counts_after_the_restart(tmp_path: Path) -> None:
    async def crash() -> None:
        running = house(tmp_path / "running")
        assert await ask(running, 4) == 200
        assert running.ledger is not None
        running.ledger.flush()
        shutil.copytree(tmp_path / "running", tmp_path / "crashed")  # what the disk holds while the process lives
        await running.close()

    asyncio.run(crash())
    assert asyncio.run(asked_and_closed(house(tmp_path / "crashed"), 2, 1)) == [429, 200]


def test_traces_that_wait_are_sent_when_the_house_closes(tmp_path: Path) -> None:
    class Closing(NoTracing):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    running, tracing = house(tmp_path), Closing()
    running.gateway.tracing = tracing
    asyncio.run(running.close())
    assert tracing.closed == 1


def found(account: str, evidence: float) -> Finding:
    signal = Signal(Reading("low-margin", 5.0, "rows lie near the decision boundary"), 0.001)
    return Finding(account, "m", NOON, 64, 0.001, evidence, (signal,))


def test_what_was_found_is_acted_upon_within_a_tick_and_survives_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        running = house(tmp_path, FIVE_ROWS + '[patterns]\nmode = "act"\n')
        running.lookout.found([found("bearer-thief", 150.0)])
        running.tick()
        assert running.memory.standing("bearer-thief") is Standing.RESTRICTED
        shown = (await page(running, "/patterns")).json()
        assert (shown["mode"], shown["recent"][0]["account"]) == ("act", "bearer-thief")
        await running.close()

    asyncio.run(main())
    again = house(tmp_path)
    assert again.memory.standing("bearer-thief") is Standing.RESTRICTED
    asyncio.run(again.close())


def test_a_reload_from_shadow_to_act_does_what_was_left_undone_and_a_broken_calibration_refuses_it(tmp_path: Path) -> None:
    async def main() -> None:
        running = house(tmp_path)
        running.lookout.found([found("bearer-thief", 150.0)])
        running.tick()
        assert running.memory.standing("bearer-thief") is Standing.GOOD
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken/m.calibration").write_bytes(b"nonsense")
        act = FIVE_ROWS + '[patterns]\nmode = "act"\n'
        with pytest.raises(ConfigError, match=r"m\.calibration"):
            running.reload(settings(tmp_path, f'{act}calibrations = "{tmp_path / "broken"}"\n'))
        assert running.memory.standing("bearer-thief") is Standing.GOOD
        running.reload(settings(tmp_path, act))
        assert running.memory.standing("bearer-thief") is Standing.RESTRICTED
        await running.close()

    asyncio.run(main())


def test_a_fault_in_looking_stops_nothing_else(tmp_path: Path) -> None:
    class Broken(Guard):
        def look(self, memory: Memory) -> tuple[Finding, ...]:
            raise ValueError("a fault")

    running = house(tmp_path)
    guard = running.gateway.running.guard
    running.gateway.running = replace(running.gateway.running, guard=Broken(guard.policy, guard.outputs))
    running.lookout.found([found("bearer-thief", 150.0)])
    running.tick()
    assert running.lookout.document()["moves"] == {"shadow:restricted": 1}
    asyncio.run(running.close())


async def seen(gateway: House, body: bytes) -> tuple[int, list[tuple[str, str]], object]:
    """All that a caller sees of one answer, but its number: status, header fields, and the body with its numbers as zeros."""
    transport, headers = httpx.ASGITransport(gateway.gateway), {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        answer = await client.post("/v1/models/m:predict", content=body)
    fields = [pair for pair in answer.headers.items() if pair[0] not in ("x-request-id", "content-length")]
    return answer.status_code, fields, json.loads(answer.content, parse_float=lambda number: 0.0)


def appearances(data: Path, standing: Standing, *, tied: bool = False) -> list[tuple[int, list[tuple[str, str]], object]]:
    """What an account in a standing sees: answers, faults of its own, and a refusal."""

    async def main() -> list[tuple[int, list[tuple[str, str]], object]]:
        running = house(data, FIVE_ROWS.replace("amount = 5", "amount = 50"))
        await seen(running, b'{"instances": [[1.0]]}')
        for account in {use.bucket.owner for use in running.memory.uses(NOON)}:
            running.memory.stand(account, standing)
            if tied:
                running.memory.watching.actors = {account: "ring", "another": "ring"}
        asks = [b'{"instances": [[1.0]]}', b'{"instances": [[', b'{"instances": []}', b'{"instances": [%s1]}' % (b"1," * 50)]
        answers = [await seen(running, body) for body in asks]
        await running.close()
        return answers

    return asyncio.run(main())


@pytest.mark.parametrize("standing", [Standing.WATCHED, Standing.RESTRICTED])
def test_a_caller_cannot_tell_its_standing_from_anything_but_numbers_and_limits(tmp_path: Path, standing: Standing) -> None:
    found = appearances(tmp_path / "one", standing)
    assert [status for status, _, _ in found] == [200, 400, 400, 429]
    assert found == appearances(tmp_path / "two", Standing.GOOD)


def test_a_caller_cannot_tell_that_its_account_is_tied_to_others(tmp_path: Path) -> None:
    found = appearances(tmp_path / "one", Standing.GOOD, tied=True)
    assert found == appearances(tmp_path / "two", Standing.GOOD)


def test_an_ended_account_would_be_told_apart(tmp_path: Path) -> None:
    assert appearances(tmp_path / "one", Standing.SUSPENDED) != appearances(tmp_path / "two", Standing.GOOD)
