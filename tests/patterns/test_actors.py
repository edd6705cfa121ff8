"""Actors: accounts that share the limits of one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.actors import MOST_OF_ONE, actors_of
from moatkeeper.patterns.traits import Traits

cards = st.lists(st.sampled_from("abcdef"), max_size=2).map(lambda found: Traits(payments=tuple(sorted(set(found)))))
accounts = st.dictionaries(st.sampled_from([f"account {number}" for number in range(9)]), cards)


@given(accounts)
def test_who_shares_a_card_shares_an_actor_in_whatever_order_they_come(known: dict[str, Traits]) -> None:
    actors = actors_of(known)
    assert actors == actors_of(dict(reversed(known.items())))
    for one, first in known.items():
        for other, second in known.items():
            if one != other and set(first.payments) & set(second.payments):
                assert actors[one] == actors[other]
    assert all(list(actors.values()).count(actor) > 1 for actor in actors.values())
    assert not set(actors.values()) & set(known)


def test_colleagues_behind_one_office_address_keep_their_own_limits() -> None:
    office = {
        f"colleague {number}": Traits(networks=("office",), agents=("client",), organisation="firm") for number in range(9)
    }
    assert actors_of(office) == {}


def test_a_ring_shares_limits_once_a_person_says_so() -> None:
    actors = actors_of({"a": Traits(), "b": Traits(), "c": Traits()}, [["a", "c", "new"], []])
    assert set(actors) == {"a", "c", "new"}
    assert len(set(actors.values())) == 1


def test_a_resellers_customers_are_not_one_actor() -> None:
    known = {f"account {number}": Traits(issuers=("reseller",)) for number in range(MOST_OF_ONE + 1)}
    assert actors_of(known) == {}
