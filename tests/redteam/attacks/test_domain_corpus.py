from __future__ import annotations

from moatkeeper.redteam.attacks.domain_corpus import DomainCorpus
from tests.support.text_victims import by_chance, campaign, classifier, decisions, guess, knowledge, rounded


def test_texts_of_the_domain_copy_a_classifier_far_beyond_guessing_whatever_the_answers_show() -> None:
    for release, least in ((None, 0.99), (rounded, 0.99), (decisions, 0.95)):
        few, many = campaign(DomainCorpus(knowledge()), classifier(), [20, 100], release)
        assert many >= least
        assert many > few > guess(classifier())


def test_answers_by_chance_teach_nothing() -> None:
    (score,) = campaign(DomainCorpus(knowledge()), classifier(), [400], by_chance)
    assert score < guess(classifier()) + 0.03


def test_a_few_answers_are_not_enough() -> None:
    (score,) = campaign(DomainCorpus(knowledge()), classifier(), [5], decisions)
    assert score < 0.6
