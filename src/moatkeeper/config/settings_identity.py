"""Settings of identity: which credentials are believed, and whose word counts for a forwarded address."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from moatkeeper.config.quantities import Network, Section

JwtAlgorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "HS256",
    "HS384",
    "HS512",
]
SHARED_KEY_ALGORITHMS = ("HS256", "HS384", "HS512")
"""Signatures that whoever can check them can also make; never accepted by default."""


class JwtSettings(Section):
    """Signed tokens, checked against a local key set. Needs the extra `jwt`."""

    keys_file: Path = Field(
        strict=False, description="JSON Web Key Set that signs the tokens; read at the start and with each new configuration."
    )
    issuer: str = Field(min_length=1, description="What the claim `iss` must say.")
    audience: str = Field(min_length=1, description="What the claim `aud` must hold.")
    account_claim: str = Field(default="sub", min_length=1, description="The claim that names the account.")
    organisation_claim: str | None = Field(
        default=None, min_length=1, description="The claim that names the organisation, if any."
    )
    tier_claim: str | None = Field(
        default=None, min_length=1, description="The claim that names the tier, if any; an unknown tier is the default tier."
    )
    algorithms: tuple[JwtAlgorithm, ...] = Field(
        default=tuple(name for name in get_args(JwtAlgorithm) if name not in SHARED_KEY_ALGORITHMS),
        strict=False,
        min_length=1,
        description=("Signatures that are accepted. `HS*` makes everybody who can check a token able to sign one."),
    )


class HeaderSettings(Section):
    """Identity by header, believed only from `trusted_proxies`, which must remove these headers from what clients send."""

    account: str = Field(min_length=1, description="Header that names the account, such as `x-account-id`.")
    organisation: str | None = Field(default=None, min_length=1, description="Header that names the organisation.")
    tier: str | None = Field(
        default=None, min_length=1, description="Header that names the tier; an unknown tier is the default tier."
    )


class IdentitySettings(Section):
    """Who a caller is. Keys of `moatkeeper keys` are always checked; tokens and headers where they are configured."""

    mode: Literal["open", "required"] = Field(
        default="open",
        description=(
            "`open`: without a checked credential, the presented bearer token is the account, else the address. "
            "`required`: such a caller gets 401."
        ),
    )
    jwt: JwtSettings | None = Field(default=None, description="Signed tokens.")
    header: HeaderSettings | None = Field(default=None, description="Headers set by a trusted proxy.")
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        strict=False,
        description=("Networks whose `X-Forwarded-For`, read from the right, and identity headers are believed."),
    )

    @model_validator(mode="after")
    def _header_needs_a_proxy(self) -> Self:
        if self.header is not None and not self.trusted_proxies:
            raise ValueError("found identity headers but no trusted proxy, expected trusted_proxies to name who may send them")
        return self
