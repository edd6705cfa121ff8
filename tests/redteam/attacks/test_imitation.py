from __future__ import annotations

from moatkeeper.redteam.attacks.imitation import Imitation
from moatkeeper.redteam.harness import Score, baseline, climb
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.trade import CHATS
from tests.support.chats import Chat, open_base, scratch, world


def steal(knowledge: ChatKnowledge, rungs: list[int], shuffled: bool = False) -> tuple[Score, ...]:
    return climb(Imitation(knowledge), Chat(world().victim, shuffled=shuffled), world().judge, CHATS, rungs, seed=0)


def task_only(**bases: object) -> ChatKnowledge:
    return ChatKnowledge(world().prompts, bases=bases)


def test_an_open_model_that_is_tuned_on_answers_copies_the_task_and_better_with_more() -> None:
    nothing = baseline(world().judge, open_base())
    few, many = steal(task_only(open=open_base()), [24, 240])
    assert nothing.figures["exact"] == 0.0
    assert nothing.fidelity < few.fidelity < many.fidelity
    assert many.figures["exact"] > 0.7


def test_answers_that_are_shuffled_among_the_prompts_teach_the_form_and_not_the_task() -> None:
    """The negative control: the copy says desks and priorities, and none of them rightly but by chance (1 in 8 times 3)."""
    (score,) = steal(task_only(open=open_base()), [240], shuffled=True)
    (honest,) = steal(task_only(open=open_base()), [240])
    assert score.figures["accuracy"] < 0.1 < honest.figures["accuracy"]


def test_knowing_an_open_model_is_worth_more_than_beginning_from_nothing() -> None:
    (known,) = steal(task_only(open=open_base()), [64])
    (none,) = steal(task_only(new=scratch(5)), [64])
    assert known.figures["exact"] > none.figures["exact"] + 0.1


def test_without_any_open_model_the_copy_repeats_the_nearest_answer() -> None:
    nothing = baseline(world().judge, open_base())
    (score,) = steal(task_only(), [200])
    assert score.fidelity > nothing.fidelity


def test_the_better_fitting_of_two_open_models_is_tuned_and_foreign_prompts_are_asked_too() -> None:
    victim = Chat(world().victim)
    (score,) = climb(Imitation(world().knowledge(a=scratch(), b=open_base())), victim, world().judge, CHATS, [200], seed=0)
    assert score.figures["base_margin"] > 0
    assert 0 < sum(prompt.startswith("summarise") for prompt in victim.asked) < 100
    assert score.figures["exact"] > 0.5
