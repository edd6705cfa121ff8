"""Attacks on next-token models: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.bisection import Bisection
from moatkeeper.redteam.attacks.head_subspace import HeadSubspace
from moatkeeper.redteam.attacks.hidden_size import HiddenSize
from moatkeeper.redteam.attacks.logit_bias import LogitBias
from moatkeeper.redteam.cards import Modality, TokenCard

TOKENS: tuple[TokenCard, ...] = (
    TokenCard(
        HiddenSize.name,
        Modality.TOKENS,
        "more contexts than the model has hidden dimensions, and all log-probabilities or k of them and a bias that shows",
        "Carlini et al. 2024, 4.1; Finlayson et al. 2024",
        HiddenSize,
    ),
    TokenCard(
        HeadSubspace.name,
        Modality.TOKENS,
        "more contexts than the model has hidden dimensions, and all log-probabilities or k of them and a bias that shows",
        "Carlini et al. 2024, 4.2; Finlayson et al. 2024",
        HeadSubspace,
    ),
    TokenCard(
        LogitBias.name,
        Modality.TOKENS,
        "at least one log-probability in each answer, and a bias that it shows",
        "Carlini et al. 2024, 5; Morris et al. 2023",
        LogitBias,
    ),
    TokenCard(
        Bisection.name,
        Modality.TOKENS,
        "the chosen token only, and a bias that moves the choice",
        "Morris et al. 2023; Carlini et al. 2024, 6",
        Bisection,
    ),
)
