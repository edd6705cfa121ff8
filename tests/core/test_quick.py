from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)


@quick
@dataclass(frozen=True, slots=True)
class Hashed:
    first: int


@given(st.integers(), st.text(), st.lists(st.integers()))
def test_a_quick_value_is_what_the_plain_one_is(first: int, second: str, third: list[int]) -> None:
    for arguments in ((first,), (first, second), (first, second, third)):
        plain, made = Plain(*arguments), Quick(*arguments)
        assert repr(made) == repr(plain).replace("Plain", "Quick")
        assert made == Quick(first=plain.first, second=plain.second, third=plain.third)
    assert replace(made, first=first + 1) == Quick(first + 1, second, third)
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(Hashed(first)) == hash(Hashed(first))


def test_a_quick_value_is_of_its_class_and_frozen() -> None:
    made = Quick(1)
    assert type(made) is Quick
    with pytest.raises(FrozenInstanceError):
        made.first = 2  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        made.fourth = 2  # type: ignore[attr-defined]


def test_two_quick_values_share_no_default() -> None:
    assert Quick(1).third is not Quick(1).third


@pytest.mark.parametrize("arguments", [(), (1, "two", [], 4)])
def test_missing_and_superfluous_arguments_are_an_error(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        Quick(*arguments)  # type: ignore[arg-type]


def test_a_class_that_does_more_at_its_beginning_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Careful:
        first: int

        def __post_init__(self) -> None:
            raise ValueError

    with pytest.raises(TypeError, match="Careful does more"):
        quick(Careful)
