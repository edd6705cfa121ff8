from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.traffic import DAY_HOURS, WEEK_DAYS, Lengths, LogNormal, load

LAW = Lengths(shape=2.0, scale=3.0)


def test_profiles_cover_a_day_and_a_week_and_have_a_mean_of_one() -> None:
    traffic = load()
    for profile, length in (
        (traffic.sessions.hours, DAY_HOURS),
        (traffic.sessions.days, WEEK_DAYS),
        (traffic.streams.hours, DAY_HOURS),
    ):
        assert profile.shape == (length,)
        assert profile.mean() == pytest.approx(1.0, abs=0.01)
        assert (profile >= 0).all()


def test_people_sleep_around_four_and_programs_do_not() -> None:
    traffic = load()
    assert traffic.sessions.hours[1:7].sum() < 0.1
    assert traffic.streams.hours[1:7].sum() > 3.0


@pytest.mark.parametrize("rank", [1, 2, 5, 20])
def test_lengths_follow_the_law_that_their_docstring_states(rank: int) -> None:
    drawn = LAW.draw(200_000, np.random.default_rng(0))
    assert drawn.min() == 1
    assert (drawn >= rank).mean() == pytest.approx((1 + (rank - 1) / 3.0) ** -2.0, abs=0.005)


def test_means_are_those_of_many_draws() -> None:
    rng = np.random.default_rng(1)
    assert LAW.draw(400_000, rng).mean() == pytest.approx(LAW.mean, rel=0.03)
    law = LogNormal(1.0, 0.5)
    assert law.draw(100_000, rng).mean() == pytest.approx(law.mean, rel=0.02)


def test_requests_hold_as_many_rows_as_in_the_trace() -> None:
    sessions = load().sessions
    drawn = sessions.draw_rows(100_000, np.random.default_rng(2))
    for count, share in zip(sessions.row_counts, sessions.row_shares, strict=True):
        assert (drawn == count).mean() == pytest.approx(share, abs=0.01)
