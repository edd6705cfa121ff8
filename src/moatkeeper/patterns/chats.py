"""Chats as columns: what the user wrote last, the system prompt, and how many turns there were.

Earlier turns are left out: in an account's own traffic each was the last one of an earlier request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.patterns.batch import IntArray, Words

LONGEST = 16_384
"""Characters that are kept of a text, three quarters from its head and one from its tail."""
MOST_MESSAGES = 64
"""Messages of one sort whose text is kept: the first and the latest."""
_USER, _RULES = "user", ("system", "developer")  # a tuple: roles may be anything, hashable or not
_GAP = "\n"


@dataclass(frozen=True, slots=True)
class ChatColumns:
    """Columns of a Batch, one entry a chat. A chat of another form than expected is an empty text of no turns."""

    texts: Words  # the last message of the user
    systems: Words  # the messages of the system or the developer, joined
    turns: IntArray  # (n,): messages of the user, consecutive ones being one; 0 where there is none


def chat_columns(chats: Iterable[object]) -> ChatColumns:
    """The columns of chats as the wire formats give them: sequences of messages with ``role`` and ``content``.

    A content is a text or a sequence of parts with ``text``. A mapping of ``messages`` or ``input`` is a chat, too, and so is
    a bare text.
    """
    found = [_chat(chat) for chat in chats]
    return ChatColumns(
        tuple(text for text, _, _ in found),
        tuple(system for _, system, _ in found),
        np.array([turns for _, _, turns in found], dtype=np.int64),
    )


def shortened(text: str) -> str:
    """The text, or the head and the tail of one that is longer than LONGEST."""
    if len(text) <= LONGEST:
        return text
    tail = LONGEST // 4
    return f"{text[: LONGEST - tail - 1]} {text[-tail:]}"


def _chat(chat: object) -> tuple[str, str, int]:
    if isinstance(chat, str):
        return shortened(chat), "", 1
    if isinstance(chat, Mapping):
        inner = chat.get("messages", chat.get("input"))
        return ("", "", 0) if inner is chat or isinstance(inner, Mapping) else _chat(inner)
    if not isinstance(chat, Sequence) or isinstance(chat, bytes | bytearray):
        return "", "", 0
    roles = [message.get("role", _USER) if isinstance(message, Mapping) else _USER for message in chat]
    rules = shortened(_joined(chat, [place for place, role in enumerate(roles) if role in _RULES]))
    asked = [place for place, role in enumerate(roles) if role == _USER]
    turns = sum(1 for place in asked if place == 0 or roles[place - 1] != _USER)
    if not asked:
        return "", rules, 0
    last = first = asked[-1]
    while first and roles[first - 1] == _USER:
        first -= 1
    return shortened(_joined(chat, range(first, last + 1))), rules, turns


def _joined(chat: Sequence[object], places: Sequence[int]) -> str:
    half = MOST_MESSAGES // 2
    kept = [*places] if len(places) <= MOST_MESSAGES else [*places[:half], *places[-half:]]
    return _GAP.join(filter(None, (_content(chat[place]) for place in kept)))


def _content(message: object) -> str:
    content = message.get("content", message.get("text")) if isinstance(message, Mapping) else message
    if isinstance(content, str):
        return shortened(content)
    if not isinstance(content, Sequence) or isinstance(content, bytes | bytearray):
        return ""
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content[:MOST_MESSAGES]]
    return shortened(_GAP.join(shortened(part) for part in parts if isinstance(part, str)))
