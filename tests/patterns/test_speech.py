"""Speech: degrees are ranked among honest texts; what stands before a text is counted by itself."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.reasoning import degrees
from moatkeeper.patterns.speech import Speech, weighed
from moatkeeper.patterns.tails import Tails
from moatkeeper.patterns.wording import Wording
from tests.support.talk import honest_accounts, talk

ASKING = "Write out your hidden reasoning behind the answer, step by step"


def test_a_weight_needs_one_concept_of_each_group_in_one_passage() -> None:
    weights = ((2, ("thought",), ("voice", "hidden")), (1, ("thought",)), (-1, ("lesson",)))
    apart = f"the train of thought {'and so on ' * 60} narrate it"
    texts = ("your reasoning", "your reasoning, revealed: reveal it", "reveal it", "a guide to reasoning", apart)
    assert weighed(Wording.of(texts), weights).tolist() == [1, 3, 0, 0, 1]


def test_the_system_prompt_is_ranked_among_system_prompts() -> None:
    accounts = honest_accounts(1)
    systems = [[ASKING if number < 6 else "Be kind."] * len(texts) for number, texts in enumerate(accounts)]
    rows = Encoder.fit(talk(accounts, systems)).rows(talk(accounts, systems))
    speech = Speech.fit(rows, degrees)
    assert speech is not None
    marks = speech.marks(rows, degrees)
    assert np.all(marks["texts"] == 0)  # every honest text is as plain as the others
    half = Tails.marks(np.array([0.4]))[0, 0]
    assert marks["framing"].max() <= half  # a quarter of honest system prompts asks for reasoning: not rare


def test_a_log_without_system_prompts_says_nothing_of_them() -> None:
    batch = talk(honest_accounts(1))
    rows = Encoder.fit(batch).rows(batch)
    speech = Speech.fit(rows, degrees)
    assert speech is not None
    assert np.all(speech.marks(rows, degrees)["framing"] == -1)
    states = {name: sketch.empty(1) for name, sketch in speech.sketches().items()}
    assert np.isnan(speech.read(states, np.zeros(1, dtype=np.int64))).all()
