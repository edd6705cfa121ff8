from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.wire.complaints import MAX_CHARACTERS, plain_sentence


@given(st.text(max_size=2000))
def test_arbitrary_words_become_one_short_printable_sentence(text: str) -> None:
    sentence = plain_sentence(text)
    assert len(sentence) <= MAX_CHARACTERS
    assert sentence.isprintable()
    assert re.search(r"[0-9]\.[0-9]{3}", sentence) is None


def test_a_complaint_keeps_its_words_and_loses_trace_and_exact_numbers() -> None:
    text = 'bad value 0.987654321 in column 3\nTraceback (most recent call last):\n  File "/srv/model.py", line 1'
    assert plain_sentence(text) == "bad value 0.98 in column 3"
