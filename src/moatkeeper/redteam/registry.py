"""All attacks by name, one registry for each kind of question."""

from __future__ import annotations

from collections.abc import Mapping

from moatkeeper.redteam.cards import ChatCard, RowCard, TextCard, TokenCard
from moatkeeper.redteam.catalogue_chats import CHATS
from moatkeeper.redteam.catalogue_embeddings import EMBEDDINGS
from moatkeeper.redteam.catalogue_images import IMAGES
from moatkeeper.redteam.catalogue_tabular import TABULAR
from moatkeeper.redteam.catalogue_texts import TEXTS
from moatkeeper.redteam.catalogue_tokens import TOKENS

ROW_ATTACKS: Mapping[str, RowCard] = {card.name: card for card in (*TABULAR, *IMAGES)}
TEXT_ATTACKS: Mapping[str, TextCard] = {card.name: card for card in (*TEXTS, *EMBEDDINGS)}
TOKEN_ATTACKS: Mapping[str, TokenCard] = {card.name: card for card in TOKENS}
CHAT_ATTACKS: Mapping[str, ChatCard] = {card.name: card for card in CHATS}
