from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.caller import Account, Basis
from moatkeeper.errors import Unauthenticated
from moatkeeper.serve.addresses import Addresses
from moatkeeper.serve.identify import Identifier, ProxyHeaders

SECRET = b"s" * 32


@dataclass(frozen=True)
class Key:
    id: str
    account: Account


class OneKey:
    def check(self, presented: bytes, at: float) -> Key | None:
        return Key("k1", Account("acme", "acme-group", "enterprise")) if presented == b"mk_k1_right" else None


class OneToken:
    def check(self, token: bytes, at: float) -> Account | None:
        return Account("token-user") if token == b"a.b.c" else None


def identifier(*, required: bool = False, proxies: tuple[str, ...] = ()) -> Identifier:
    return Identifier(
        secret=SECRET,
        addresses=Addresses(proxies),
        keys=OneKey(),
        tokens=OneToken(),
        proxy_headers=ProxyHeaders(b"x-account", b"x-organisation", b"x-tier"),
        default_tier="free",
        required=required,
    )


def test_one_of_our_keys_names_its_account_and_is_not_passed_on() -> None:
    found = identifier().identify([(b"authorization", b"Bearer mk_k1_right")], "203.0.113.9", 0.0)
    assert found.caller.account == Account("acme", "acme-group", "enterprise")
    assert (found.caller.key_id, found.caller.basis, found.consumed) == ("k1", Basis.KEY, True)


@pytest.mark.parametrize("header", [b"x-api-key", b"api-key"])
def test_other_usual_headers_carry_a_key_too(header: bytes) -> None:
    assert identifier().identify([(header, b"mk_k1_right")], "203.0.113.9", 0.0).caller.account.id == "acme"


@pytest.mark.parametrize("presented", [b"Bearer mk_k1_wrong", b"Bearer mk_", b"Bearer mk_k1", b"Bearer x.y.z"])
def test_every_wrong_credential_is_refused_with_the_same_words(presented: bytes) -> None:
    with pytest.raises(Unauthenticated, match=r"^missing or invalid credentials$"):
        identifier().identify([(b"authorization", presented)], "203.0.113.9", 0.0)


def test_two_credentials_in_one_request_are_refused() -> None:
    with pytest.raises(Unauthenticated):
        identifier().identify([(b"authorization", b"Bearer t"), (b"x-api-key", b"mk_k1_right")], "203.0.113.9", 0.0)


def test_a_foreign_bearer_token_is_an_account_that_does_not_reveal_the_token() -> None:
    found = identifier().identify([(b"authorization", b"Bearer sk-secret")], "203.0.113.9", 0.0)
    again = identifier().identify([(b"authorization", b"Bearer sk-secret")], "198.51.100.1", 0.0)
    assert found.caller.account.id == again.caller.account.id
    assert found.caller.basis is Basis.BEARER
    assert not found.consumed
    assert "sk-secret" not in repr(found)


def test_without_credentials_the_network_is_the_account_unless_identity_is_required() -> None:
    assert identifier().identify([], "2001:db8::5", 0.0).caller.account.id == "2001:db8::/64"
    with pytest.raises(Unauthenticated):
        identifier(required=True).identify([], "2001:db8::5", 0.0)
    with pytest.raises(Unauthenticated):
        identifier(required=True).identify([(b"authorization", b"Bearer sk-foreign")], "2001:db8::5", 0.0)


def test_a_signed_token_names_its_account() -> None:
    found = identifier(required=True).identify([(b"authorization", b"Bearer a.b.c")], "203.0.113.9", 0.0)
    assert (found.caller.account.id, found.caller.basis) == ("token-user", Basis.JWT)


def test_account_headers_count_from_a_trusted_proxy_only() -> None:
    headers = [(b"x-account", b"acme"), (b"x-tier", b"enterprise"), (b"x-forwarded-for", b"203.0.113.9")]
    trusted = identifier(proxies=("10.0.0.0/8",)).identify(headers, "10.0.0.1", 0.0).caller
    assert (trusted.account.id, trusted.account.tier, trusted.basis) == ("acme", "enterprise", Basis.HEADER)
    assert trusted.address == "203.0.113.9"
    stranger = identifier(proxies=("10.0.0.0/8",)).identify(headers, "198.51.100.1", 0.0).caller
    assert (stranger.account.id, stranger.basis, stranger.address) == ("198.51.100.1", Basis.ADDRESS, "198.51.100.1")


@given(
    st.lists(
        st.tuples(st.sampled_from([b"authorization", b"x-api-key", b"x-forwarded-for", b"x-account"]), st.binary(max_size=80))
    )
)
def test_arbitrary_headers_are_identified_or_refused_and_nothing_else(headers: list[tuple[bytes, bytes]]) -> None:
    for proxies in ((), ("10.0.0.0/8",)):
        try:
            identifier(proxies=proxies).identify(headers, "10.0.0.1", 0.0)
        except Unauthenticated:
            continue
