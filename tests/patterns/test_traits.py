"""Traits of an account."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.packing import pack, unpack
from moatkeeper.patterns.traits import MOST, NOTHING_KNOWN, Traits

words = st.lists(st.sampled_from("abcdefghijkl"), max_size=MOST).map(lambda found: tuple(sorted(set(found))))
times = st.none() | st.floats(0, 2e9)
traits = st.builds(Traits, words, words, words, words, st.sampled_from(["", "acme", "zeta"]), times, times, words)


@given(traits, traits, traits)
def test_it_does_not_matter_in_which_order_sources_are_merged(a: Traits, b: Traits, c: Traits) -> None:
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(NOTHING_KNOWN) == a == a.merge(a)


@given(traits)
def test_traits_survive_a_file(known: Traits) -> None:
    assert unpack(pack(known), Traits, "here") == known


def test_the_earlier_time_and_all_networks_are_kept() -> None:
    monday = Traits(networks=("192.0.2.0/24",), first_at=200.0)
    tuesday = Traits(networks=("198.51.100.0/24",), first_at=100.0)
    assert monday.merge(tuesday) == Traits(networks=("192.0.2.0/24", "198.51.100.0/24"), first_at=100.0)
    assert monday.began_at == 200.0
    assert Traits(signed_up_at=50.0, first_at=200.0).began_at == 50.0
