"""Attacks on classifiers of texts: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.active_texts import ActiveTexts, SpreadTexts
from moatkeeper.redteam.attacks.algebraic_head import AlgebraicHead
from moatkeeper.redteam.attacks.corpus import Corpus
from moatkeeper.redteam.attacks.domain_corpus import DomainCorpus
from moatkeeper.redteam.attacks.random_words import RandomWords
from moatkeeper.redteam.cards import Modality, TextCard

_POOL = "texts of the right domain"
_ENCODER = "texts, the public encoder under the victim"

TEXTS: tuple[TextCard, ...] = (
    TextCard(RandomWords.name, Modality.TEXT, "a vocabulary", "Krishna et al. 2020, 3 (RANDOM)", RandomWords),
    TextCard(Corpus.name, Modality.TEXT, "any texts", "Krishna et al. 2020, 3 (WIKI)", Corpus),
    TextCard(DomainCorpus.name, Modality.TEXT, _POOL, "Pal et al. 2019, 4 (random)", DomainCorpus),
    TextCard(ActiveTexts.name, Modality.TEXT, _POOL, "Pal et al. 2019, 4 (uncertainty)", ActiveTexts),
    TextCard(SpreadTexts.name, Modality.TEXT, _POOL, "Pal et al. 2019, 4 (k-center)", SpreadTexts),
    TextCard(AlgebraicHead.name, Modality.TEXT, _ENCODER, "Grey-box Extraction of NLP Models 2021, 4", AlgebraicHead),
)
