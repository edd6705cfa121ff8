"""Who is asking: an account, the key it used, the network it came from, and what that identity rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from moatkeeper.core.quick import quick


class Basis(StrEnum):
    """What an identity rests on, from proven to merely presented."""

    KEY = "key"  # one of our API keys, checked
    JWT = "jwt"  # a signed token, checked
    HEADER = "header"  # named by a trusted proxy
    BEARER = "bearer"  # a bearer token that we cannot check: whoever presents it is one account
    ADDRESS = "address"  # nothing presented: the network is the account

    @property
    def verified(self) -> bool:
        """Whether somebody vouched for the identity; only unverified callers are limited by their address."""
        return self is Basis.KEY or self is Basis.JWT or self is Basis.HEADER


@quick
@dataclass(frozen=True, slots=True)
class Account:
    """Who agreed to the terms and pays. ``organisation`` is empty where the account stands alone."""

    id: str
    organisation: str = ""
    tier: str = "default"


@quick
@dataclass(frozen=True, slots=True)
class Caller:
    """One presenter of one credential from one network.

    ``key_id`` names the credential and is never the credential itself (empty without one). ``address`` is a network in
    text form: an IPv4 address, or an IPv6 prefix of 64 bits such as ``2001:db8::/64``.
    """

    account: Account
    key_id: str
    address: str
    basis: Basis
