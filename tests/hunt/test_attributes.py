"""What ties accounts to each other, out of what a log saw them with."""

from __future__ import annotations

from moatkeeper.hunt.attributes import network_of, traits_of
from moatkeeper.patterns.traits import MOST
from moatkeeper.store.logs.parts import Seen


def test_traits_by_hand() -> None:
    seen = Seen(
        ("a", "a", "b", "address 10.0.0.1"),
        ("lab", "", "", ""),
        ("k1", "k2", "k3", ""),
        ("10.0.0.9", "10.0.0.8", "2001:db8::1", "10.0.0.1"),
        ("curl", "curl", "", "wget"),
    )
    found = traits_of(seen)
    assert found["a"].networks == ("10.0.0.8", "10.0.0.9")
    assert (found["a"].agents, found["a"].organisation) == (("curl",), "lab")
    assert found["b"].networks == ("2001:db8::/64",)
    assert found["address 10.0.0.1"].networks == ()


def test_whoever_uses_many_networks_is_tied_to_nobody_by_them() -> None:
    count = MOST + 1
    seen = Seen(("a",) * count, ("",) * count, ("",) * count, tuple(f"10.0.0.{i}" for i in range(count)), ("",) * count)
    assert traits_of(seen)["a"].networks == ()


def test_what_is_no_address_stays_as_it_is() -> None:
    assert network_of("unix:") == "unix:"
    assert network_of("192.0.2.1") == "192.0.2.1"
