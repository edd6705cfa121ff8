from __future__ import annotations

import numpy as np

from moatkeeper.redteam.toy_language import WORST, Message, routing, secret_rule, summarising, toy_language


def test_a_language_is_drawn_from_its_seed_and_no_two_words_are_the_same() -> None:
    language = toy_language(1)
    assert language == toy_language(1)
    assert language.words != toy_language(2).words
    assert len(set(language.words)) == len(language.words)


def test_a_message_holds_words_of_its_topic_and_mood_and_its_product() -> None:
    language = toy_language(1)
    for message in language.messages(50, np.random.default_rng(0)):
        words = set(message.text.split())
        assert len(words & set(language.topics[message.topic][1:])) == 2
        assert len(words & set(language.moods[message.mood][1:])) == 1
        assert message.product in words
        assert words <= set(language.words)


def test_a_rule_sends_every_topic_to_a_desk_of_its_own_and_the_worst_mood_to_another() -> None:
    language = toy_language(1)
    rule = secret_rule(language, 5)
    desks = {
        rule.answer(Message("", topic, mood, "it")).split()[0] for topic in range(len(language.topics)) for mood in (WORST, 1)
    }
    assert len(desks) == 2 * len(language.topics)
    assert rule.answer(Message("", 0, 1, "it")).split()[0] == rule.answer(Message("", 0, 2, "it")).split()[0]
    assert rule.desk_of != secret_rule(language, 6).desk_of


def test_prompts_name_their_task() -> None:
    message = Message("a b", 0, 0, "b")
    assert (summarising([message]), routing([message])) == (["summarise a b"], ["route a b"])
