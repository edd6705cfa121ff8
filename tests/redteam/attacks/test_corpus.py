from __future__ import annotations

from moatkeeper.redteam.attacks.corpus import Corpus
from moatkeeper.redteam.attacks.domain_corpus import DomainCorpus
from tests.support.text_victims import FOREIGN, POOL, by_chance, campaign, classifier, decisions, guess, knowledge


def test_foreign_texts_teach_more_than_a_guess_and_far_less_than_texts_of_the_domain() -> None:
    (score,) = campaign(Corpus(knowledge()), classifier(), [500])
    (better,) = campaign(DomainCorpus(knowledge()), classifier(), [500])
    assert better > score + 0.3
    assert score > guess(classifier()) + 0.15


def test_decisions_on_foreign_texts_teach_little() -> None:
    (score,) = campaign(Corpus(knowledge()), classifier(), [500], decisions)
    assert guess(classifier()) < score < 0.5


def test_answers_by_chance_teach_nothing() -> None:
    (score,) = campaign(Corpus(knowledge()), classifier(), [400], by_chance)
    assert score < guess(classifier()) + 0.03


def test_foreign_texts_of_other_words_teach_nothing() -> None:
    known = {word for text in POOL for word in text.lower().split()}
    strange = [text for text in FOREIGN if not known & set(text.lower().split())]
    assert len(strange) > 30
    (score,) = campaign(Corpus(knowledge(foreign=strange)), classifier(), [len(strange)])
    assert score < guess(classifier()) + 0.1
