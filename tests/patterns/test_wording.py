"""Wording: a text's words do not depend on its neighbours, and long or broken texts cost little."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.projection import AXES, Fragments
from moatkeeper.patterns.wording import HEAD, TAIL, Wording
from tests.support.talk import honest_accounts, talk

texts = st.lists(st.text(max_size=40), min_size=1, max_size=6)


@given(texts)
def test_a_text_is_read_as_if_it_were_alone(parts: list[str]) -> None:
    together = Wording.of(tuple(parts))
    for number, text in enumerate(parts):
        alone = Wording.of((text,))
        first = together.first[number]
        assert together.counts[number] == alone.counts[0]
        assert together.words[first : first + alone.counts[0]].tolist() == alone.words.tolist()
        assert together.concepts[number] == alone.concepts[0]


@given(texts)
def test_the_coordinates_of_a_text_are_its_own(parts: list[str]) -> None:
    wording = Wording.of(tuple(parts))
    fragments = Fragments.fit(wording)
    points = fragments.of(wording)
    assert points.shape == (len(parts), AXES)
    alone = np.concatenate([fragments.of(Wording.of((text,))) for text in parts])
    assert np.allclose(points, alone, atol=1e-5)


def test_words_are_those_that_a_reader_sees() -> None:
    wording = Wording.of(("Pay 120 euros, pay!", "", "我想付款", "Привет мир", "pay 950"))
    assert wording.counts.tolist() == [4, 0, 4, 2, 2]
    assert wording.words[0] == wording.words[3]  # pay, pay
    assert wording.words[1] == wording.words[-1]  # numbers of as many digits are alike
    assert len(set(wording.words.tolist())) == 3 + 4 + 2


def test_long_and_broken_texts_are_read_at_their_ends() -> None:
    long = "alpha " * 200_000 + "omega"
    wording = Wording.of((long, "\ud800\udfff \0", "\n\t "))
    assert len(wording.raw) < 2 * (HEAD + TAIL)
    assert wording.words[wording.counts[0] - 1] == Wording.of(("omega",)).words[0]
    assert wording.counts[1:].tolist() == [0, 0]


def test_sums_go_to_the_texts_of_the_words() -> None:
    wording = Wording.of(("a b", "", "c"))
    assert wording.sums(np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 0.0, 4.0]


def test_no_texts_are_no_words() -> None:
    wording = Wording.of(())
    assert len(wording) == len(wording.words) == len(wording.concepts) == 0
    assert Fragments.fit(Wording.of(("a",))).of(wording).shape == (0, AXES)


def test_texts_without_answers_are_judged_from_the_calibration_on() -> None:
    calibration = Calibration.fit("model", talk(honest_accounts(1, 120, 16)))
    rng = np.random.default_rng(3)
    news = ("senate", "elects", "storm", "floods", "harbour", "striker", "scores")
    thief = [" ".join(rng.choice(news, 8)) for _ in range(16)]
    batch = talk([thief, [""] * 16, ["\ud800" * 5] * 16, *honest_accounts(9, 20, 16)])
    last = list(readings_at_checkpoints(calibration.profile, batch))[-1]
    checkpoint = calibration.at(last.rows)
    assert checkpoint is not None
    p_values = checkpoint.look(last.readings).p_values
    assert p_values[0] <= 1 / checkpoint.calibrator.accounts
    assert p_values[1:3].min() > 0.2  # nothing, and nothing readable: no thief for that
    assert np.mean(p_values[3:]) > 0.3
