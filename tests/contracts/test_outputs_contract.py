"""The laws of every output policy in the registry: a new one is covered by its registry line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.base import OutputPolicy
from moatkeeper.outputs.registry import POLICIES

ORDERED = (OutputKind.NUMBERS, OutputKind.SCORES, OutputKind.VALUES)
CONTRACTS = st.builds(
    Contract,
    decimals=st.integers(0, 6),
    significant_digits=st.integers(1, 7),
    top_k=st.one_of(st.none(), st.integers(1, 5)),
    label_only=st.booleans(),
    threshold=st.sampled_from([0.5, 0.3, 0.333]),
    embedding_dimensions=st.one_of(st.none(), st.integers(1, 8)),
    embedding_bits=st.integers(1, 12),
)
policies = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@st.composite
def answers(draw: st.DrawFn, kinds: tuple[OutputKind, ...] = tuple(OutputKind)) -> Answer:
    """One output of mixed rows: probabilities, independent scores, logits, and neighbours that rounding ties."""
    columns = draw(st.integers(1, 12))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    makers = {
        "probabilities": lambda: generator.dirichlet(np.full(columns, 0.5)),
        "scores": lambda: generator.random(columns),
        "logits": lambda: generator.normal(scale=5.0, size=columns),
        "flat": lambda: np.full(columns, 1.0 / columns) + generator.normal(scale=1e-4, size=columns),
        "close": lambda: 3.0 + generator.normal(scale=1e-5, size=columns),
    }
    rows = [makers[name]() for name in draw(st.lists(st.sampled_from(sorted(makers)), min_size=1, max_size=5))]
    return Answer((Output("out", draw(st.sampled_from(kinds)), np.array(rows)),), tokens=3)


def values_of(answer: Answer) -> FloatArray:
    values = answer.outputs[0].values
    assert values is not None
    return values


@policies
@given(answer=answers(ORDERED), contract=CONTRACTS)
def test_the_first_top_label_never_changes(policy: OutputPolicy, answer: Answer, contract: Contract) -> None:
    assert (values_of(policy.release(answer, contract)).argmax(axis=1) == values_of(answer).argmax(axis=1)).all()


@policies
@given(answer=answers(ORDERED), contract=CONTRACTS)
def test_no_order_is_turned_round(policy: OutputPolicy, answer: Answer, contract: Contract) -> None:
    true, released = values_of(answer), values_of(policy.release(answer, contract))
    lower = true[:, :, None] < true[:, None, :]
    assert (~lower | (released[:, :, None] <= released[:, None, :])).all()


@policies
@given(answer=answers(), contract=CONTRACTS)
def test_releasing_again_changes_nothing(policy: OutputPolicy, answer: Answer, contract: Contract) -> None:
    once = policy.release(answer, contract)
    assert np.array_equal(values_of(policy.release(once, contract)), values_of(once))


@policies
@given(answer=answers(), contract=CONTRACTS)
def test_the_same_answer_is_released_the_same_and_left_as_it_was(
    policy: OutputPolicy, answer: Answer, contract: Contract
) -> None:
    before = values_of(answer).copy()
    first, second = policy.release(answer, contract), policy.release(answer, contract)
    assert values_of(first).tobytes() == values_of(second).tobytes()
    assert values_of(answer).tobytes() == before.tobytes()


@policies
@given(answer=answers(), contract=CONTRACTS)
def test_no_row_depends_on_the_company_it_is_sent_in(policy: OutputPolicy, answer: Answer, contract: Contract) -> None:
    output = answer.outputs[0]
    together = values_of(policy.release(answer, contract))
    for index, row in enumerate(values_of(answer)):
        alone = values_of(policy.release(Answer((Output("out", output.kind, row[None, :]),)), contract))
        assert alone.tobytes() == together[index : index + 1].tobytes()


@policies
@given(answer=answers(ORDERED), best=st.integers(1, 12))
def test_top_k_tells_no_more_than_k_columns_apart(policy: OutputPolicy, answer: Answer, best: int) -> None:
    values = values_of(answer)
    assume(values.shape[1] > best)
    released = values_of(policy.release(answer, Contract(top_k=best)))
    assert all(len(np.unique(row)) <= best + 1 for row in released)


@policies
@given(answer=answers(), contract=CONTRACTS)
def test_outputs_are_only_ever_dropped(policy: OutputPolicy, answer: Answer, contract: Contract) -> None:
    released = policy.release(answer, contract)
    assert [(output.name, output.kind) for output in released.outputs] == [("out", answer.outputs[0].kind)]
    assert released.tokens == answer.tokens
    assert policy.release(answer, Contract(outputs=frozenset({"other"}))).outputs == ()


@dataclass(frozen=True)
class PlainRounding:
    """What a server does that calls ``round``: the negative control of the laws above."""

    name: str = "plain"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        return Answer((Output("out", answer.outputs[0].kind, np.round(values_of(answer), contract.decimals or 0)),))


@pytest.mark.parametrize("row", [[0.4999, 0.5001], [3.001, 3.002], [-0.004, -0.003]])
def test_plain_rounding_fails_the_law_of_the_top_label(row: list[float]) -> None:
    answer = Answer((Output("out", OutputKind.NUMBERS, np.array([row])),))
    with pytest.raises(AssertionError):
        test_the_first_top_label_never_changes.hypothesis.inner_test(PlainRounding(), answer, Contract())
    for policy in POLICIES.values():
        test_the_first_top_label_never_changes.hypothesis.inner_test(policy, answer, Contract())
