"""Two accounts of one actor at the gateway: together they get what one account gets, and see nothing but a limit."""

from __future__ import annotations

from pathlib import Path

import httpx

from moatkeeper.store.keys import Keys
from moatkeeper.store.ledger_read import entries
from tests.support.commands import moatkeeper
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer
from tests.support.waiting import eventually

CONFIG = """
[identity]
mode = "required"
[limits]
mode = "enforce"
default_tier = "tiny"
[tiers.tiny]
limits = [{ scope = "account", unit = "rows", amount = 5, per = "hour" }]
"""
UNTOLD = {"date", "x-request-id", "ratelimit", "retry-after", "content-length"}
"""Header fields that differ from one refusal to the next."""


def keys_of(place: RunningGateway, *accounts: str) -> list[str]:
    """A key for each account, known to the gateway."""
    with Keys.open(place.data) as keys:
        made = [keys.add(name, tier="tiny").plaintext for name in accounts]
    knows(place, "keys", len(made))
    return made


def ask(place: RunningGateway, key: str, rows: int) -> httpx.Response:
    """One query of so many rows."""
    url, headers = place.url + "/v1/models/m:predict", {"authorization": f"Bearer {key}"}
    return httpx.post(url, json={"instances": [1.0] * rows}, headers=headers, timeout=20)


def knows(place: RunningGateway, gauge: str, value: int) -> None:
    """Waits until the gateway has taken in what another process changed."""
    expected = f"moatkeeper_{gauge} {value}"
    eventually(lambda: expected in httpx.get(place.admin + "/metrics", timeout=20).text, expected)


def appearance(answer: httpx.Response) -> tuple[int, list[str], str]:
    return answer.status_code, [name for name in answer.headers if name not in UNTOLD], answer.text


def test_two_tied_accounts_share_one_limit_and_colleagues_at_the_same_address_keep_theirs(tmp_path: Path) -> None:
    with serving(TensorFlowServer().app()) as url, gateway(url, tmp_path, config=CONFIG) as place:
        one, two, carol, dora = keys_of(place, "one", "two", "carol", "dora")
        moatkeeper("standing", "tie", "ring-1", "one", "two", "--reason", "ring", "--data", place.data)
        knows(place, "accounts_tied", 2)

        assert ask(place, one, 3).status_code == 200
        told = ask(place, two, 2)
        assert (told.status_code, told.headers["ratelimit"].split(";")[1]) == (200, "r=3")  # its own, as sold
        refused = ask(place, two, 1)
        assert ask(place, one, 1).status_code == refused.status_code == 429

        # Nobody tied those who merely share an address: each has all that was sold.
        assert [ask(place, key, 5).status_code for key in (carol, dora)] == [200, 200]
        assert appearance(ask(place, carol, 1)) == appearance(refused)
        eventually(lambda: len(list(entries(place.data, kind="query"))) == 7, "all queries are on record")
        reasons = [entry.fields["reason"] for entry in entries(place.data, account="two", kind="query")]
        assert reasons == ["admitted", "limit:actor:rows:3600"]

        moatkeeper("standing", "untie", "two", "--data", place.data)
        knows(place, "accounts_tied", 1)
        assert [ask(place, two, 3).status_code, ask(place, two, 1).status_code] == [200, 429]
        assert ask(place, one, 1).status_code == 429
