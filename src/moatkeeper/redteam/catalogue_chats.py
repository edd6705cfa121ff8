"""Attacks on models that write: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.adapter_theft import AdapterTheft
from moatkeeper.redteam.attacks.few_query import FewQuery
from moatkeeper.redteam.attacks.imitation import Imitation
from moatkeeper.redteam.attacks.system_prompt import SystemPrompt
from moatkeeper.redteam.cards import ChatCard, Modality

CHATS: tuple[ChatCard, ...] = (
    ChatCard(Imitation.name, Modality.CHAT, "prompts, and an open model to tune", "Wallace et al. 2020, 3", Imitation),
    ChatCard(
        FewQuery.name, Modality.CHAT, "prompts of one task, and an open model to tune", "Liang et al. 2024 (LoRD)", FewQuery
    ),
    ChatCard(
        AdapterTheft.name,
        Modality.CHAT,
        "prompts of one task, and the open model that the victim was tuned from, among others",
        "Zanella-Beguelin et al. 2021; Hu et al. 2021",
        AdapterTheft,
    ),
    ChatCard(SystemPrompt.name, Modality.CHAT, "nothing", "Zhang et al. 2024", SystemPrompt),
)
