"""Who is asking: from an API key, a signed token, a trusted proxy's header, a bearer token or, failing all, the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.keyed import keyed_digest
from moatkeeper.core.quick import quick
from moatkeeper.errors import Unauthenticated
from moatkeeper.serve.addresses import Addresses

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})

KEY_PREFIX = b"mk_"
"""Our API keys begin so; a presented credential that does is never taken for an anonymous bearer token."""

MAX_CREDENTIAL_BYTES = 8192
"""Longer than any API key and all but absurd tokens; what is longer is refused before it is hashed."""

MAX_HOLDERS = 4096
"""Holders of keys that are kept at hand, by key and network; a full table is emptied."""

MAX_ACCOUNT_CHARACTERS = 256

REFUSED = "missing or invalid credentials"
"""One sentence for every failure, so that a caller cannot tell an unknown key from a revoked or a malformed one."""


class KnownKey(Protocol):
    """What the key store says of a valid key."""

    @property
    def id(self) -> str: ...
    @property
    def account(self) -> Account: ...


class KeyChecker(Protocol):
    """Checks one of our API keys in constant time."""

    def check(self, presented: bytes, at: float) -> KnownKey | None:
        """The key's record, or None for an unknown, revoked or expired one."""
        ...


class TokenChecker(Protocol):
    """Checks a signed token against a local key set."""

    def check(self, token: bytes, at: float) -> Account | None:
        """The account that the token names, or None where signature, time, issuer or audience is not right."""
        ...


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """Headers by which a trusted proxy names the account; names in lower case, empty: not used."""

    account: bytes
    organisation: bytes = b""
    tier: bytes = b""


@quick
@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, and whether its credential was ours and must not reach the model server."""

    caller: Caller
    consumed: bool


class Claims(NamedTuple):
    """What the headers of a request say of its sender."""

    credential: bytes
    credentials: int  # how many were presented
    forwarded_for: bytes
    forwarded: bytes
    named: dict[bytes, bytes]  # by a proxy


class Identifier:
    """Finds the caller of a request. ``required`` refuses whoever nobody vouches for."""

    def __init__(
        self,
        *,
        secret: bytes,
        addresses: Addresses,
        keys: KeyChecker | None = None,
        tokens: TokenChecker | None = None,
        proxy_headers: ProxyHeaders | None = None,
        default_tier: str = "default",
        required: bool = False,
    ) -> None:
        self._secret = secret
        self._addresses = addresses
        self._keys = keys
        self._tokens = tokens
        self._proxy = proxy_headers
        self._default_tier = default_tier
        self._required = required
        self._holders: dict[tuple[str, str], Identity] = {}
        self._telling = CREDENTIALS | {b"x-forwarded-for", b"forwarded"}
        if proxy_headers is not None:
            self._telling |= {proxy_headers.account, proxy_headers.organisation, proxy_headers.tier} - {b""}

    def identify(self, headers: Iterable[tuple[bytes, bytes]], host: str, at: float) -> Identity:
        """The identity behind a request's headers and its peer ``host``; raises Unauthenticated."""
        return self.judge(self.claims(headers), host, at)

    def claims(self, headers: Iterable[tuple[bytes, bytes]]) -> Claims:
        """What a request's headers say of its sender; believed by nobody yet."""
        credential, forwarded_for, forwarded, named = b"", b"", b"", {}
        seen = 0
        telling = self._telling
        for name, value in headers:
            if name not in telling:
                continue
            if name in CREDENTIALS:
                credential = _credential(name, value)
                seen += 1
            elif name == b"x-forwarded-for":
                forwarded_for = forwarded_for + b"," + value if forwarded_for else value
            elif name == b"forwarded":
                forwarded = forwarded + b"," + value if forwarded else value
            else:
                named[name] = value
        return Claims(credential, seen, forwarded_for, forwarded, named)

    def judge(self, claims: Claims, host: str, at: float) -> Identity:
        """The identity behind claims that came from a peer; raises Unauthenticated."""
        credential, seen, forwarded_for, forwarded, named = claims
        if seen > 1 or len(credential) > MAX_CREDENTIAL_BYTES:
            raise Unauthenticated(REFUSED)
        network, trusted = self._addresses.peer(host)
        if trusted and (forwarded_for or forwarded):
            network = self._addresses.forwarded(network, forwarded_for, forwarded)
        if trusted and self._proxy is not None and named.get(self._proxy.account):
            return Identity(self._named_by_proxy(named, network), consumed=False)
        if credential:
            return self._by_credential(credential, network, at)
        if self._required:
            raise Unauthenticated(REFUSED)
        return Identity(Caller(Account(network, "", self._default_tier), "", network, Basis.ADDRESS), consumed=False)

    def _by_credential(self, credential: bytes, network: str, at: float) -> Identity:
        if self._keys is not None and credential.startswith(KEY_PREFIX):
            key = self._keys.check(credential, at)
            if key is None:
                raise Unauthenticated(REFUSED)
            return self._of_key(key, network)
        if self._tokens is not None and credential.count(b".") == 2:
            claimed = self._tokens.check(credential, at)
            if claimed is None:
                raise Unauthenticated(REFUSED)
            key_id = keyed_digest(self._secret, "token", credential).hex()
            return Identity(Caller(claimed, key_id, network, Basis.JWT), consumed=True)
        if self._required:
            raise Unauthenticated(REFUSED)
        pseudonym = "bearer-" + keyed_digest(self._secret, "bearer", credential).hex()
        return Identity(Caller(Account(pseudonym, "", self._default_tier), pseudonym, network, Basis.BEARER), consumed=False)

    def _of_key(self, key: KnownKey, network: str) -> Identity:
        """The identity of a key's holder; made once for as long as the key's record is the same object."""
        known = self._holders.get((key.id, network))
        if known is not None and known.caller.account is key.account:
            return known
        if len(self._holders) >= MAX_HOLDERS:
            self._holders.clear()
        made = self._holders[key.id, network] = Identity(Caller(key.account, key.id, network, Basis.KEY), consumed=True)
        return made

    def _named_by_proxy(self, named: dict[bytes, bytes], network: str) -> Caller:
        proxy = self._proxy
        if proxy is None:
            raise Unauthenticated(REFUSED)
        account = _name(named[proxy.account])
        organisation = _name(named.get(proxy.organisation, b""))
        tier = _name(named.get(proxy.tier, b"")) or self._default_tier
        return Caller(Account(account, organisation, tier), "", network, Basis.HEADER)


def _credential(name: bytes, value: bytes) -> bytes:
    """The secret part of a credential header: the bearer token, or the whole value of any other scheme."""
    value = value.strip()
    if name == b"authorization" and value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return value


def _name(value: bytes) -> str:
    """A name from a proxy's header; refused where it is not printable or too long to be a name."""
    try:
        text = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise Unauthenticated(REFUSED) from None
    if len(text) > MAX_ACCOUNT_CHARACTERS or not text.isprintable():
        raise Unauthenticated(REFUSED)
    return text
