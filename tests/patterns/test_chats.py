"""Chats as columns: any JSON is a chat, no text is longer than allowed, and the last question is the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.chats import LONGEST, chat_columns

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "text", "messages", "input", "user"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4))
def test_any_json_is_read(chats: list[object]) -> None:
    columns = chat_columns(chats)
    assert len(columns.texts) == len(columns.systems) == len(columns.turns) == len(chats)
    assert all(isinstance(text, str) for text in (*columns.texts, *columns.systems))


def test_the_last_question_is_the_text_and_earlier_turns_are_counted() -> None:
    chat = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "look"}, {"type": "image_url"}, {"type": "text", "text": "here"}],
        },
    ]
    columns = chat_columns([chat, chat[:2], chat[:1], "plain", {"messages": chat[1:2]}])
    assert columns.texts == ("look\nhere", "hello", "", "plain", "hello")
    assert columns.systems == ("be kind", "be kind", "be kind", "", "")
    assert columns.turns.tolist() == [2, 1, 0, 1, 1]


def test_messages_in_a_row_are_one_turn() -> None:
    parts = [{"role": "user", "content": "first"}, {"role": "user", "content": "second"}]
    columns = chat_columns([parts])
    assert columns.texts == ("first\nsecond",)
    assert columns.turns.tolist() == [1]


def test_long_chats_are_cut_to_their_ends() -> None:
    long = [{"role": "system", "content": "x" * 1_000_000 + "end"}, *[{"role": "user", "content": "y" * 50_000}] * 3_000]
    columns = chat_columns([long])
    assert len(columns.texts[0]) <= LONGEST
    assert len(columns.systems[0]) <= LONGEST
    assert columns.systems[0].endswith("end")
