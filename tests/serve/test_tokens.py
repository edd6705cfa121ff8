from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from moatkeeper.core.caller import Account
from moatkeeper.errors import ConfigError
from moatkeeper.serve.tokens import Claims, Tokens

NOW = 1_700_000_000.0
KEY = ECKey.generate_key("P-256", parameters={"kid": "one"})
CLAIMS = Claims(issuer="https://issuer.example", audience="models", organisation="org", tier="plan")


def checker(folder: Path) -> Tokens:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    return Tokens(file, CLAIMS, secret=b"s" * 32, default_tier="free")


def signed(changes: dict[str, object] | None = None, key: ECKey = KEY) -> bytes:
    claims = {
        "sub": "acme",
        "iss": "https://issuer.example",
        "aud": ["models"],
        "exp": NOW + 60,
        "org": "group",
        "plan": "gold",
    }
    claims.update(changes or {})
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "one"}, kept, key).encode()


def test_a_valid_token_names_account_organisation_and_tier(tmp_path: Path) -> None:
    assert checker(tmp_path).check(signed(), NOW) == Account("acme", "group", "gold")


def test_a_token_without_a_tier_gets_the_default(tmp_path: Path) -> None:
    assert checker(tmp_path).check(signed({"plan": None}), NOW) == Account("acme", "group", "free")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "others"},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": NOW + 3600},
        {"sub": ""},
        {"sub": 7},
        {"sub": "line\nbreak"},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    assert checker(tmp_path).check(signed(changes), NOW) is None


def test_a_remembered_token_still_expires(tmp_path: Path) -> None:
    tokens = checker(tmp_path)
    token = signed()
    assert tokens.check(token, NOW) is not None
    assert tokens.check(token, NOW + 3600) is None


def test_a_token_signed_by_another_key_is_refused(tmp_path: Path) -> None:
    stranger = ECKey.generate_key("P-256", parameters={"kid": "one"})
    assert checker(tmp_path).check(signed(key=stranger), NOW) is None


def test_an_unsigned_or_symmetric_token_is_refused(tmp_path: Path) -> None:
    public = json.dumps(KEY.as_dict(private=False)).encode()
    forged = jwt.encode({"alg": "HS256", "kid": "one"}, {"sub": "acme", "exp": NOW + 60}, OctKey.import_key(public)).encode()
    header, payload, _ = signed().split(b".")
    none = b"eyJhbGciOiJub25lIn0." + payload + b"."
    tokens = checker(tmp_path)
    assert tokens.check(forged, NOW) is None
    assert tokens.check(none, NOW) is None
    assert tokens.check(header + b"." + payload + b".", NOW) is None
    assert tokens.check(b"\xff.\xff.\xff", NOW) is None


def test_a_file_that_is_no_key_set_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text("{}")
    with pytest.raises(ConfigError, match="expected an object with `keys`"):
        Tokens(file, CLAIMS, secret=b"s" * 32, default_tier="free")
