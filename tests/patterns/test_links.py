"""Hard links: groups of accounts read as one."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.links import LEAST_GROUP, MOST_LINKED, LinkHistory, groups_of, merged_states, read, tied
from moatkeeper.patterns.traits import NOTHING_KNOWN, Traits
from tests.support.ring_world import calibration, honest, window, with_ring


def test_accounts_hang_together_by_payment_issuer_network_or_a_burst_of_sign_ups() -> None:
    traits = [
        Traits(payments=("card",)),
        Traits(payments=("card",), networks=("office",)),
        Traits(networks=("office",)),
        Traits(agents=("tool",), signed_up_at=10.0),
        Traits(agents=("tool",), signed_up_at=20.0),
        Traits(agents=("tool",), signed_up_at=3_000.0),
        Traits(agents=("tool",), signed_up_at=9_000.0),
        NOTHING_KNOWN,
    ]
    groups = groups_of(traits)
    assert [members.tolist() for members in groups.members] == [[0, 1, 2], [3, 4, 5]]
    assert groups.ties[1] == "sign-up with tool in hour 0"


def test_what_very_many_have_in_common_ties_nobody() -> None:
    assert groups_of([Traits(networks=("cloud",))] * (MOST_LINKED + 1)).members == ()
    assert len(groups_of([Traits(networks=("office",))] * LEAST_GROUP).members) == 1
    assert groups_of([Traits(networks=("home",))] * (LEAST_GROUP - 1)).members == ()
    assert groups_of([]).members == ()


def test_only_accounts_with_a_tie_need_states() -> None:
    traits = {"a": Traits(payments=("card",)), "b": Traits(payments=("card",)), "c": Traits(payments=("other",))}
    assert tied(("a", "b", "c", "d"), traits) == {"a", "b"}


def test_a_group_is_read_as_one_account_would_be() -> None:
    profile, history = calibration().profile, calibration().history
    assert history is not None
    found = window(honest(3), 3, frozenset(window(honest(3), 3).names[:9]))
    groups = groups_of([Traits(networks=(f"office {number % 3}",)) for number in range(9)])
    places = [np.searchsorted(found.kept, members) for members in groups.members]
    merged = merged_states(profile, found.states, places)
    for number, place in enumerate(places):
        by_hand = {name: state[place[:1]] for name, state in found.states.items()}
        for other in place[1:]:
            by_hand = profile.merge(by_hand, {name: state[[other]] for name, state in found.states.items()})
        assert all(np.array_equal(by_hand[name][0], merged[name][number]) for name in by_hand)
    part = found.take(np.arange(len(found)) < 9)
    readings = read(history, profile, part, groups)
    assert readings.rows.tolist() == [int(part.rows[members].sum()) for members in groups.members]
    assert np.isfinite(readings.strange).all()


def test_without_states_a_group_is_not_read() -> None:
    history = calibration().history
    assert history is not None
    found = window(honest(3), 3)
    groups = groups_of([Traits(networks=("office",))] * 5 + [NOTHING_KNOWN] * (len(found) - 5))
    assert np.isnan(read(history, calibration().profile, found, groups).strange).all()


def test_a_linked_ring_is_stranger_than_colleagues() -> None:
    history, profile = calibration().history, calibration().profile
    assert history is not None

    def strangest(kind: str) -> np.ndarray:
        traffic = with_ring(kind, 100, 4, 8)
        names = window(traffic, 8).names
        ring = [name for name in names if int(name.rpartition("-")[2]) >= 500]
        found = window(traffic, 8, frozenset(ring))
        office = {name: f"office {number // 20}" for number, name in enumerate(ring)}
        groups = groups_of([Traits(networks=(office[name],)) if name in office else NOTHING_KNOWN for name in names])
        assert len(groups.members) == 5
        return read(history, profile, found, groups).strange

    mimics = strangest("mimic")
    assert strangest("shuffle").min() > 2 * mimics.max()
    assert strangest("line").min() > 2 * mimics.max()


def test_too_few_past_groups_name_nobody() -> None:
    few, many = LinkHistory(np.arange(50.0), 0.2), LinkHistory(np.arange(5_000.0), 0.2)
    assert not few.enough(0.0001)
    assert many.enough(0.0001)
    assert many.level(0.0001) == 0.0001 / 0.2
    assert few.p_values(np.array([1e9, 25.0, np.nan]))[:2].tolist() == [1 / 51, 26 / 51]
