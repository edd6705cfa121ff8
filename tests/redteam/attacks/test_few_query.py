from __future__ import annotations

from moatkeeper.redteam.attacks.few_query import FewQuery
from moatkeeper.redteam.harness import Score, baseline, climb
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.trade import CHATS
from tests.support.chats import Chat, open_base, world


def steal(budget: int, shuffled: bool = False, contrast: bool = False, bases: bool = True) -> Score:
    knowledge = ChatKnowledge(world().prompts, bases={"open": open_base()} if bases else {})
    victim = Chat(world().victim, shuffled=shuffled)
    (score,) = climb(FewQuery(knowledge, contrast=contrast), victim, world().judge, CHATS, [budget], seed=0)
    return score


def test_a_few_dozen_answers_copy_a_good_part_of_a_narrow_task() -> None:
    """The order of magnitude of Liang et al. 2024: 16 to 64 queries bring most of the way from the base to the victim."""
    nothing = baseline(world().judge, open_base())
    score = steal(64)
    assert score.fidelity > nothing.fidelity + 0.4
    assert score.figures["exact"] > 0.4
    assert score.figures["agreed"] > 0


def test_shuffled_answers_teach_nothing() -> None:
    assert steal(48, shuffled=True).figures["accuracy"] < 0.15


def test_contrast_is_a_way_to_learn_as_well() -> None:
    assert steal(64, contrast=True).figures["exact"] > 0.3


def test_without_an_open_model_the_nearest_answer_is_repeated() -> None:
    assert 0.0 < steal(64, bases=False).figures["exact"] < 0.4
