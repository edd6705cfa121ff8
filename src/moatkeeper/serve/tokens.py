"""Signed tokens (JWT) checked against a local key set: no key is ever fetched from the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moatkeeper.core.caller import Account
from moatkeeper.core.keyed import keyed_digest
from moatkeeper.errors import ConfigError, MissingExtra

try:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
except ImportError as error:  # pragma: no cover - exercised in a subprocess without the extra
    raise MissingExtra("JWT checking needs the package joserfc", hint="pip install 'moatkeeper[jwt]'") from error

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Algorithms allowed by default: a gateway that verifies need not be able to sign."""

LEEWAY_S = 30
"""Clock difference between issuer and gateway that is forgiven."""

CACHE_SIZE = 16_384
"""Tokens whose verdict is remembered until they expire: a signature check costs about 100 times a digest."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claims name whom, and what a token must say of itself; empty texts are not checked or not read."""

    issuer: str = ""
    audience: str = ""
    account: str = "sub"
    organisation: str = ""
    tier: str = ""


class Tokens:
    """Verifies tokens with the public keys of a JWKS file. Tokens must expire: one without ``exp`` is refused."""

    def __init__(
        self,
        keys_file: Path,
        claims: Claims,
        *,
        secret: bytes,
        default_tier: str,
        algorithms: Sequence[str] = ASYMMETRIC,
    ) -> None:
        try:
            self._keys = KeySet.import_key_set(json.loads(keys_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            raise ConfigError(
                f"{keys_file}: found no usable JSON Web Key Set ({type(error).__name__}), expected an object with `keys`",
                hint="write the issuer's public keys (its jwks_uri) to this file",
            ) from error
        self._claims = claims
        self._algorithms = list(algorithms)
        self._secret = secret
        self._default_tier = default_tier
        self._verified: dict[bytes, tuple[float, Account]] = {}

    def check(self, token: bytes, at: float) -> Account | None:
        """The account that a valid token names, or None."""
        fingerprint = keyed_digest(self._secret, "token", token)
        known = self._verified.get(fingerprint)
        if known is not None and at < known[0]:
            return known[1]
        try:
            claims = jwt.decode(token, self._keys, algorithms=self._algorithms).claims
        except (JoseError, ValueError, KeyError, TypeError):
            return None
        expires = claims.get("exp")
        account = self._account(claims, at)
        if account is None or not isinstance(expires, int | float):
            return None
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[fingerprint] = (expires + LEEWAY_S, account)
        return account

    def _account(self, claims: Mapping[str, object], at: float) -> Account | None:
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            return None
        if not begins - LEEWAY_S <= at < expires + LEEWAY_S:
            return None
        if self._claims.issuer and claims.get("iss") != self._claims.issuer:
            return None
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._claims.audience and self._claims.audience not in audiences:
            return None
        name = claims.get(self._claims.account)
        if not isinstance(name, str) or not name or not name.isprintable():
            return None
        return Account(name, _text(claims, self._claims.organisation), _text(claims, self._claims.tier) or self._default_tier)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name) if name else None
    return value if isinstance(value, str) and value.isprintable() else ""
