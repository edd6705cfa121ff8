"""Durations, sizes, networks and names of variables: words and numbers mean the same, and nothing else passes."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from moatkeeper.config.quantities import BYTES_OF, SECONDS_OF, Network, Off, Seconds, Section, Size, VariableName

SECONDS = TypeAdapter(Seconds)
SIZE = TypeAdapter(Size)
NETWORK = TypeAdapter(Network)
VARIABLE = TypeAdapter(VariableName)


@given(st.sampled_from(sorted(SECONDS_OF)))
def test_a_word_is_as_good_as_its_seconds(word: str) -> None:
    assert SECONDS.validate_python(word) == SECONDS.validate_python(SECONDS_OF[word])


@given(st.integers(1, 10**6), st.sampled_from(sorted(BYTES_OF)))
def test_a_size_is_as_good_as_its_bytes(count: int, unit: str) -> None:
    assert SIZE.validate_python(f"{count} {unit}") == SIZE.validate_python(count * BYTES_OF[unit])


def test_an_hour_is_3600_seconds_and_8_mib_are_8388608_bytes() -> None:
    assert SECONDS.validate_python("hour") == 3600
    assert SIZE.validate_python("8 MiB") == 8_388_608


@pytest.mark.parametrize("wrong", [0, -1, "hours", "1 hour", "", None])
def test_no_other_duration_passes(wrong: object) -> None:
    with pytest.raises(ValidationError):
        SECONDS.validate_python(wrong)


@pytest.mark.parametrize("wrong", [0, -1, "8 MB", "8mib", "-8 MiB", "0 MiB", 1.5])
def test_no_other_size_passes(wrong: object) -> None:
    with pytest.raises(ValidationError):
        SIZE.validate_python(wrong)


def test_a_network_is_kept_in_its_shortest_form() -> None:
    assert NETWORK.validate_python("fd00:0::/8") == "fd00::/8"


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0.0/33", "proxy.example", ""])
def test_a_network_with_host_bits_or_without_numbers_does_not_pass(wrong: str) -> None:
    with pytest.raises(ValidationError):
        NETWORK.validate_python(wrong)


@pytest.mark.parametrize("secret", ["Bearer abc", "sk-123456", "hunter2", "", "A" * 65])
def test_what_looks_like_a_secret_is_no_name_of_a_variable_and_is_not_repeated(secret: str) -> None:
    with pytest.raises(ValidationError) as caught:
        VARIABLE.validate_python(secret)
    assert all(secret not in fault["msg"] for fault in caught.value.errors() if secret)


def test_the_schema_of_a_reduction_shows_its_range_and_the_word_that_switches_it_off() -> None:
    class Example(Section):
        decimals: Annotated[int | None, Field(ge=0), Off] = None

    shown = Example.model_json_schema()["properties"]["decimals"]["anyOf"]
    assert shown == [{"type": "integer", "minimum": 0}, {"const": "off"}]
    assert Example.model_validate({"decimals": "off"}).decimals is None
    assert Example.model_validate({"decimals": 3}).decimals == 3


def test_a_section_is_frozen_closed_and_takes_no_type_for_another() -> None:
    class Example(Section):
        count: int = 1

    example = Example()
    with pytest.raises(ValidationError, match="frozen"):
        example.count = 2
    for wrong in ({"count": "1"}, {"count": True}, {"count": 1.0}, {"conut": 1}):
        with pytest.raises(ValidationError):
            Example.model_validate(wrong)
