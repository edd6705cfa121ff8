"""Who is let in: keys, signed tokens, a trusted proxy's word and standings, changed while the gateway runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from moatkeeper.store.ledger_read import entries
from tests.support.commands import add_key, moatkeeper, moatkeeper_json
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer
from tests.support.waiting import eventually

ISSUER, AUDIENCE = "https://login.example", "models"


@dataclass(frozen=True)
class Place:
    """A running gateway that lets nobody in unknown, the model server behind it, and the issuer of its tokens."""

    gateway: RunningGateway
    upstream: TensorFlowServer
    issuer: ECKey

    def ask(self, **headers: str) -> httpx.Response:
        """One query with these header fields, underscores for dashes."""
        return httpx.post(
            self.gateway.url + "/v1/models/m:predict",
            json={"instances": [1.0]},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=20,
        )

    def status(self, key: str) -> int:
        """The status of a query with a key."""
        return self.ask(authorization=f"Bearer {key}").status_code

    def token(self, issuer: ECKey | None = None, **claims: object) -> str:
        """A signed token of the trusted issuer, or of another."""
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "carla", "exp": int(time.time()) + 600, **claims}
        return jwt.encode({"alg": "ES256"}, said, issuer or self.issuer)

    def recorded(self, account: str) -> Mapping[str, object]:
        """The account's last query as the ledger has it."""
        found: list[Mapping[str, object]] = []

        def look() -> bool:
            found[:] = [entry.fields for entry in entries(self.gateway.data, account=account, kind="query")]
            return bool(found)

        eventually(look, f"a record of {account}")
        return found[-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("identity")
    issuer, upstream = ECKey.generate_key("P-256"), TensorFlowServer()
    (folder / "jwks.json").write_text(json.dumps(KeySet([issuer]).as_dict(private=False)))
    config = f"""
        [identity]
        mode = "required"
        trusted_proxies = ["127.0.0.1/32", "10.0.0.0/8"]
        header = {{ account = "x-account-id", organisation = "x-organisation", tier = "x-tier" }}

        [identity.jwt]
        keys_file = "{folder / "jwks.json"}"
        issuer = "{ISSUER}"
        audience = "{AUDIENCE}"
        tier_claim = "tier"
    """
    with serving(upstream.app()) as url, gateway(url, folder, config=config) as running:
        yield Place(running, upstream, issuer)


def test_a_key_works_soon_after_it_is_made_and_no_longer_once_it_is_revoked(place: Place) -> None:
    made = add_key(place.gateway.data, "acme", "--tier", "enterprise", "--organisation", "acme-group", "--label", "batch")
    eventually(lambda: place.status(made["key"]) == 200, "the new key is known")
    record = place.recorded("acme")
    assert (record["tier"], record["organisation"], record["basis"], record["key"]) == (
        "enterprise",
        "acme-group",
        "key",
        made["id"],
    )
    listed = moatkeeper("keys", "list", "--data", place.gateway.data)
    assert made["id"] in listed
    assert made["key"] not in listed
    assert place.ask(x_api_key=made["key"]).status_code == 200
    moatkeeper("keys", "revoke", made["id"], "--data", place.gateway.data)
    eventually(lambda: place.status(made["key"]) == 401, "the revoked key is refused")


@pytest.mark.parametrize("presented", ["", "sk-somebody", "mk_aaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "a.b.c"])
def test_nobody_unknown_reaches_the_model(place: Place, presented: str) -> None:
    before = place.upstream.calls
    refused = place.ask(authorization=f"Bearer {presented}") if presented else place.ask()
    assert (refused.status_code, refused.json()) == (401, {"error": "missing or invalid credentials"})
    assert place.upstream.calls == before


def test_two_credentials_at_once_are_refused(place: Place) -> None:
    key = add_key(place.gateway.data, "twin")["key"]
    eventually(lambda: place.status(key) == 200, "the new key is known")
    assert place.ask(authorization=f"Bearer {key}", x_api_key=key).status_code == 401


def test_credentials_of_ours_never_reach_the_model_server(place: Place) -> None:
    key = add_key(place.gateway.data, "discreet")["key"]
    eventually(lambda: place.status(key) == 200, "the new key is known")
    assert place.ask(authorization=f"Bearer {place.token()}").status_code == 200
    assert not any({"authorization", "x-api-key", "api-key"} & headers.keys() for headers in place.upstream.headers)


def test_a_signed_token_names_its_account_and_tier(place: Place) -> None:
    token = place.token(sub="dora", tier="enterprise")  # an account of her own: her last record is her only one
    assert place.ask(authorization=f"Bearer {token}").status_code == 200
    record = place.recorded("dora")
    assert (record["tier"], record["basis"]) == ("enterprise", "jwt")


def test_a_token_that_is_late_foreign_or_unsigned_is_refused(place: Place) -> None:
    unsigned = ".".join([*place.token().split(".")[:2], ""])
    wrong = [
        place.token(exp=int(time.time()) - 3600),
        place.token(iss="https://elsewhere.example"),
        place.token(aud="other"),
        place.token(ECKey.generate_key("P-256")),
        place.token(sub=""),
        unsigned,
    ]
    assert {place.ask(authorization=f"Bearer {token}").status_code for token in wrong} == {401}


@pytest.mark.parametrize(
    ("account", "forwarded", "network"),
    [
        ("via-v4", "203.0.113.7, 198.51.100.9", "198.51.100.9"),
        ("via-chain", "6.6.6.6, 198.51.100.10, 10.1.2.3", "198.51.100.10"),
        ("via-v6", "2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("via-nothing", "", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_the_account_and_the_address_is_read_from_the_right(
    place: Place, account: str, forwarded: str, network: str
) -> None:
    hops = {"x_forwarded_for": forwarded} if forwarded else {}
    answer = place.ask(x_account_id=account, x_tier="enterprise", **hops)
    assert answer.status_code == 200
    record = place.recorded(account)
    assert (record["address"], record["basis"], record["tier"]) == (network, "header", "enterprise")
    assert "x-account-id" not in place.upstream.headers[-1]
    assert "x-forwarded-for" not in place.upstream.headers[-1]


def test_the_word_of_a_peer_that_is_no_trusted_proxy_counts_for_nothing(tmp_path: Path) -> None:
    config = """
        [identity]
        trusted_proxies = ["10.0.0.0/8"]
        header = { account = "x-account-id" }
    """
    with serving(TensorFlowServer().app()) as url, gateway(url, tmp_path, config=config) as running:
        place = Place(running, TensorFlowServer(), ECKey.generate_key("P-256"))
        assert place.ask(x_account_id="impostor", x_forwarded_for="198.51.100.9").status_code == 200
        record = place.recorded("127.0.0.1")
        assert (record["address"], record["basis"]) == ("127.0.0.1", "address")
        assert list(entries(running.data, account="impostor")) == []


def test_a_suspended_account_is_out_until_it_is_set_back(place: Place) -> None:
    key, other = add_key(place.gateway.data, "mallory")["key"], add_key(place.gateway.data, "alice")["key"]
    eventually(lambda: place.status(key) == place.status(other) == 200, "the new keys are known")
    change = ("standing", "set", "mallory")
    moatkeeper(*change, "suspended", "--reason", "review", "--note", "line search", "--data", place.gateway.data)
    eventually(lambda: place.status(key) == 403, "the suspension is in force")
    refused = place.ask(authorization=f"Bearer {key}")
    assert refused.json() == {"error": "access to this API is not available to this account"}
    assert "retry-after" not in refused.headers
    assert place.status(other) == 200
    shown = moatkeeper_json("standing", "show", "mallory", "--data", place.gateway.data)
    assert shown["standing"] == "suspended"
    moatkeeper(*change, "good", "--reason", "cleared", "--data", place.gateway.data)
    eventually(lambda: place.status(key) == 200, "the account is back")


def test_no_credential_is_written_anywhere(place: Place) -> None:
    key = add_key(place.gateway.data, "secretive")["key"]
    eventually(lambda: place.status(key) == 200, "the new key is known")
    token = place.token(sub="tokened")
    assert place.ask(authorization=f"Bearer {token}").status_code == 200
    assert place.status("sk-a-foreign-secret") == 401
    place.recorded("tokened")
    files = [path for path in place.gateway.log.parent.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"secretive" in content  # the account is there to be found; the key is not
    for secret in (key, key.rpartition("_")[2], token, token.rpartition(".")[2], "sk-a-foreign-secret"):
        assert secret.encode() not in content
