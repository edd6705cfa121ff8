"""What the red team tells of an attack before it is run: its card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from moatkeeper.redteam.base import ChatAttack, RowAttack, TextAttack, TokenAttack
from moatkeeper.redteam.knowledge import ChatKnowledge, RowKnowledge, TextKnowledge, TokenKnowledge

K = TypeVar("K")
T_co = TypeVar("T_co", covariant=True)


class Modality(StrEnum):
    """What is stolen."""

    TABULAR = "tabular"
    IMAGE = "image"
    TEXT = "text"
    EMBEDDING = "embedding"
    TOKENS = "tokens"
    CHAT = "chat"


@dataclass(frozen=True)  # without slots, which Python 3.11 cannot combine with the subscripted names below
class Card(Generic[K, T_co]):
    """An attack as ``moatkeeper attack list`` tells of it: what it steals, what it needs, where it comes from.

    ``needs`` is in the words of the thief: what he must have before he begins. ``source`` is the paper; its deviations are in
    the docstring of the attack's module.
    """

    name: str
    modality: Modality
    needs: str
    source: str
    make: Callable[[K], T_co]


RowCard = Card[RowKnowledge, RowAttack]
TextCard = Card[TextKnowledge, TextAttack]
TokenCard = Card[TokenKnowledge, TokenAttack]
ChatCard = Card[ChatKnowledge, ChatAttack]
