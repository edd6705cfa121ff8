"""A live thief behind the gateway: his standing changes, his answers coarsen, and he sees nothing but his own answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.serve.asgi import Receive, Scope, Send
from moatkeeper.store.ledger_read import entries
from moatkeeper.store.standings import Standings
from tests.support.commands import moatkeeper, moatkeeper_json
from tests.support.honest import honest_batch, honest_rows, model, thief_rows
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.waiting import eventually

ACCOUNTS, ROWS = 2_500, 16
PROBE = np.array([[0.9, 0.2, 1.0, 0.1, 0.0, 0.0]])
"""A row that the model answers with 0.3... and 0.6...: two decimals tell more than one."""
OWN_HEADERS = {"date", "x-request-id", "content-length"}
"""What differs between any two answers."""


async def model_server(scope: Scope, receive: Receive, send: Send) -> None:
    """The honest plane's model, in the words of TensorFlow Serving."""
    body = b""
    while (event := await receive()).get("more_body"):
        body += event["body"]
    rows = json.loads(body + event["body"])["instances"]
    answer = json.dumps({"predictions": model(np.array(rows)).tolist()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})


@dataclass(frozen=True)
class Place:
    """A running gateway that knows honest traffic."""

    gateway: RunningGateway

    def ask(self, account: str, rows: FloatArray | str, post: Callable[..., httpx.Response] = httpx.post) -> httpx.Response:
        """One request of an account."""
        body = json.dumps({"instances": rows.tolist()}) if not isinstance(rows, str) else rows
        headers = {"x-account-id": account, "x-tier": "enterprise", "content-type": "application/json"}
        return post(self.gateway.url + "/v1/models/model:predict", content=body, headers=headers, timeout=20)

    def scores(self, account: str) -> list[float]:
        """What an account is told of the probe."""
        found: list[float] = self.ask(account, PROBE).json()["predictions"][0]
        return found

    def standing(self, account: str) -> str:
        """An account's standing, as any process may read it."""
        with Standings.open(self.gateway.data) as standings:
            return standings.get(account).value

    def patterns(self) -> Mapping[str, object]:
        """The operator's page."""
        found: Mapping[str, object] = httpx.get(self.gateway.admin + "/patterns", timeout=20).json()
        return found


@pytest.fixture(scope="module")
def calibration() -> bytes:
    """What is known of honest accounts, as a file."""
    # The plane's customers have no hours and no habits of their own, so nothing is said about anybody's tempo.
    detectors = {name: DETECTORS[name] for name in ("low-margin", "near-duplicates")}
    return Calibration.fit("model", honest_batch(ACCOUNTS, ROWS, seed=1), detectors).to_bytes()


@pytest.fixture
def begin(tmp_path: Path, calibration: bytes) -> Iterator[Callable[[str], Place]]:
    """Begins a gateway with these settings of ``[patterns]``."""
    with ExitStack() as stack:

        def start(patterns: str) -> Place:
            folder = tmp_path / "data/calibrations"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.calibration").write_bytes(calibration)
            config = f"""
                [identity]
                trusted_proxies = ["127.0.0.1/32"]
                header = {{ account = "x-account-id", tier = "x-tier" }}
                [limits]
                mode = "enforce"
                [patterns]
                {patterns}
            """
            url = stack.enter_context(serving(model_server))
            return Place(stack.enter_context(gateway(url, tmp_path, config=config)))

        yield start


def steal(place: Place, rows: int, seed: int = 2) -> None:
    """A thief asks beside the boundary, a row a request."""
    with httpx.Client() as client:
        for row in thief_rows(np.random.default_rng(seed), rows):
            assert place.ask("thief", row[None], client.post).status_code == 200


def appearance(answer: httpx.Response) -> tuple[object, ...]:
    """All of an answer that a caller sees but its numbers: status, header fields, and the shape of its body."""
    names = [(name, value) for name, value in answer.headers.items() if name not in OWN_HEADERS]
    quota = {"ratelimit", "x-ratelimit-remaining", "ratelimit-remaining", "ratelimit-reset"}
    shape = json.loads(answer.text, parse_float=lambda text: 0.0)
    return answer.status_code, [(name, "" if name in quota else value) for name, value in names], json.dumps(shape)


def test_a_live_thief_is_restricted_unknowingly_explained_and_restored(begin: Callable[[str], Place]) -> None:
    place = begin('mode = "act"\nrecord = { enabled = true }')
    honest, before = place.scores("customer"), place.ask("thief", PROBE)
    assert honest == before.json()["predictions"][0] == [round(value, 2) for value in honest]
    broken = place.ask("thief", '{"instances": [[')
    place.ask("customer", honest_rows(np.random.default_rng(3), ROWS))
    steal(place, 2 * ROWS)
    eventually(lambda: place.standing("thief") == "restricted", "the thief is restricted")
    assert place.standing("customer") == "good"

    # Coarser, and nothing else: the honest customer still has what he had.
    eventually(lambda: place.scores("thief") != honest, "the thief's answers are coarser")
    after = place.ask("thief", PROBE)
    coarse = after.json()["predictions"][0]
    assert coarse == [round(value, 1) for value in coarse]
    assert np.argmax(coarse) == np.argmax(honest)
    assert place.scores("customer") == honest
    assert appearance(after) == appearance(before)
    assert appearance(place.ask("thief", '{"instances": [[')) == appearance(broken)

    # Why, for people.
    data = place.gateway.data
    page = data.parent / "thief.html"
    told = moatkeeper_json("explain", "thief", "--html", page, "--data", data)
    models = told["models"]
    assert isinstance(models, list)
    assert models[0]["signs"][0]["detector"] == "low-margin"
    assert models[0]["signs"][0]["one_honest_account_in"] > 100
    examples = told["examples"]
    assert isinstance(examples, list)
    assert {one["account"] for one in examples} == {"thief"}
    words = moatkeeper("explain", "thief", "--data", data)
    assert "decision boundary" in words
    assert "pattern:low-margin" in words
    assert "<svg" in page.read_text()
    assert "thief" not in httpx.get(place.gateway.admin + "/metrics", timeout=20).text

    # And back: at once, on record, and the next looks do not overturn it.
    while place.standing("thief") != "good":  # a step at a time, if there were two
        moatkeeper("standing", "undo", "thief", "--note", "our own test", "--data", data)
    eventually(lambda: place.scores("thief") == honest, "the thief has what he was sold again")
    steal(place, 8, seed=5)
    assert place.standing("thief") == "good"
    reasons = [entry.fields["reason"] for entry in entries(data, account="thief", kind="standing")]
    assert reasons[0] == "pattern:low-margin"
    assert reasons[-1] == "undo"
    assert [entry.fields["reason"] for entry in entries(data, account="thief", kind="standing.hold")][-1] == "undo"


def test_in_shadow_mode_the_thief_is_reported_and_nothing_changes_not_even_after_a_kill(begin: Callable[[str], Place]) -> None:
    place = begin("")
    honest = place.scores("thief")
    steal(place, 2 * ROWS)
    eventually(lambda: bool(place.patterns()["recent"]), "the move is reported")
    recent = place.patterns()["recent"]
    assert isinstance(recent, list)
    assert (recent[0]["account"], recent[0]["kind"]) == ("thief", "shadow")
    assert place.standing("thief") == "good"
    assert place.scores("thief") == honest
    place.gateway.kill()

    # What shadow mode found is done as soon as the rules act, in another process.
    again = begin('mode = "act"')
    eventually(lambda: again.standing("thief") == "restricted", "what was found is acted upon")
    assert again.scores("thief") != honest
