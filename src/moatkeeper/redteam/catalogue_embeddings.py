"""Attacks on encoders: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.contrastive_distil import ContrastiveDistil
from moatkeeper.redteam.attacks.distil_embedding import DistilEmbedding
from moatkeeper.redteam.attacks.linear_map import LinearMap
from moatkeeper.redteam.attacks.recovered_map import RecoveredMap
from moatkeeper.redteam.cards import Modality, TextCard

_NEEDS = "texts, a public encoder"

EMBEDDINGS: tuple[TextCard, ...] = (
    TextCard(LinearMap.name, Modality.EMBEDDING, _NEEDS, "Tramèr et al. 2016, 4.1; Schönemann 1966", LinearMap),
    TextCard(DistilEmbedding.name, Modality.EMBEDDING, _NEEDS, "Liu et al. 2022; Dziedzic et al. 2022", DistilEmbedding),
    TextCard(ContrastiveDistil.name, Modality.EMBEDDING, _NEEDS, "Sha et al. 2023, 4", ContrastiveDistil),
    TextCard(RecoveredMap.name, Modality.EMBEDDING, _NEEDS, "Ren et al. 2025 (BESA)", RecoveredMap),
)
