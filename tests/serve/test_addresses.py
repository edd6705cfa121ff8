from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.serve.addresses import Addresses, network_of

PROXIES = Addresses(["10.0.0.0/8", "fd00::/8"])


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_arbitrary_forwarding_headers_never_raise_and_never_name_a_trusted_hop_left_of_the_caller(
    xff: bytes, fwd: bytes
) -> None:
    assert isinstance(PROXIES.forwarded("10.0.0.1", xff, fwd), str)


@given(st.ip_addresses(v=4), st.lists(st.ip_addresses(v=4), max_size=5))
def test_whatever_a_caller_claims_to_the_left_of_its_own_hop_changes_nothing(caller: object, claims: list[object]) -> None:
    if str(caller).startswith("10."):
        return
    honest = f"{caller}, 10.1.1.1".encode()
    forged = ", ".join([*map(str, claims), str(caller), "10.1.1.1"]).encode()
    assert PROXIES.forwarded("10.0.0.1", forged, b"") == PROXIES.forwarded("10.0.0.1", honest, b"") == str(caller)


def test_only_a_trusted_peer_is_believed() -> None:
    assert PROXIES.peer("10.2.3.4") == ("10.2.3.4", True)
    assert PROXIES.peer("198.51.100.7") == ("198.51.100.7", False)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"203.0.113.9", "203.0.113.9"),
        (b"203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (b"1.1.1.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (b"203.0.113.9:4711", "203.0.113.9"),
        (b"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (b"[2001:db8:1:2::1]:80", "2001:db8:1:2::/64"),
        (b"::ffff:203.0.113.9", "203.0.113.9"),
        (b"unknown, 10.1.1.1", "10.1.1.1"),
        (b"", "10.0.0.1"),
        (b"10.1.1.1", "10.1.1.1"),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(header: bytes, expected: str) -> None:
    assert PROXIES.forwarded("10.0.0.1", header, b"") == expected


def test_the_standard_forwarded_header_is_read_from_the_right() -> None:
    header = b'for=6.6.6.6, for="[2001:db8::17]:4711";proto=https;by=203.0.113.43, for=10.1.1.1'
    assert PROXIES.forwarded("10.0.0.1", b"", header) == "2001:db8::/64"


def test_all_addresses_of_one_ipv6_subscriber_are_one_network() -> None:
    a, b = (network_of(ip_address(f"2001:db8:0:1::{n}")) for n in ("1", "ffff"))
    assert a == b == "2001:db8:0:1::/64"
    assert network_of(ip_address("2001:db8:0:2::1")) != a


def test_a_peer_without_an_address_is_unknown() -> None:
    assert PROXIES.peer("") == ("unknown", False)
