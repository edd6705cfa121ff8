from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.active_texts import FIRST, ActiveTexts, SpreadTexts, farthest, most_uncertain
from moatkeeper.redteam.attacks.domain_corpus import DomainCorpus
from tests.support.text_victims import by_chance, campaign, classifier, decisions, guess, knowledge

SCORES = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1], [0.52, 0.48]])


def test_the_most_uncertain_come_first() -> None:
    assert most_uncertain(SCORES, SCORES[:0], 3).tolist() == [1, 3, 2]


def test_k_center_takes_what_is_farthest_from_all_that_was_asked_and_chosen() -> None:
    line = np.column_stack([np.linspace(0, 1, 11), 1 - np.linspace(0, 1, 11)])
    assert farthest(line, line[[0]], 3).tolist()[:2] == [10, 5]
    assert sorted(farthest(line, line[[0]], 30).tolist()) == list(range(11))


def test_both_copy_a_classifier_far_beyond_guessing_with_scores_and_with_decisions() -> None:
    for attack in (ActiveTexts(knowledge()), SpreadTexts(knowledge())):
        for release in (None, decisions):
            few, many = campaign(attack, classifier(), [20, 150], release)
            assert many > 0.97
            assert many > few > guess(classifier())


def test_answers_by_chance_teach_nothing() -> None:
    for attack in (ActiveTexts(knowledge()), SpreadTexts(knowledge())):
        (score,) = campaign(attack, classifier(), [300], by_chance)
        assert score < guess(classifier()) + 0.03


def test_the_first_round_is_that_of_the_passive_thief() -> None:
    passive, active = (campaign(kind(knowledge()), classifier(), [FIRST], decisions) for kind in (DomainCorpus, ActiveTexts))
    assert passive == active
