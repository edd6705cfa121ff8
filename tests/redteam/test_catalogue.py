from __future__ import annotations

import pytest

from moatkeeper.redteam.cards import ChatCard, RowCard, TextCard, TokenCard
from moatkeeper.redteam.registry import CHAT_ATTACKS, ROW_ATTACKS, TEXT_ATTACKS, TOKEN_ATTACKS

CARDS: list[RowCard | TextCard | TokenCard | ChatCard] = [
    *ROW_ATTACKS.values(),
    *TEXT_ATTACKS.values(),
    *TOKEN_ATTACKS.values(),
    *CHAT_ATTACKS.values(),
]


def test_no_two_attacks_share_a_name_whatever_they_steal() -> None:
    names = [card.name for card in CARDS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_says_what_a_thief_needs_and_where_the_attack_comes_from(card: RowCard) -> None:
    assert card.needs
    assert card.source
    assert card.name == card.name.lower().replace(" ", "-")
