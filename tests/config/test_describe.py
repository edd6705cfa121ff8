"""What settings take, in words: read from their declarations, so that faults and pages cannot disagree with them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from moatkeeper.config.describe import model_at, tables, takes, takes_at, toml_text, value_text
from moatkeeper.config.quantities import Network, Off, Seconds, Section
from moatkeeper.config.settings import ContractSettings, LimitSettings, Settings


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (bool, "true or false"),
        (Path, "a path"),
        (Annotated[int, Field(ge=0, le=9)], "a whole number from 0 to 9"),
        (Annotated[int, Field(ge=1)], "a whole number, at least 1"),
        (Annotated[float, Field(gt=0)], "a number above 0"),
        (Annotated[int | None, Field(ge=1), Off], 'a whole number, at least 1, or "off"'),
        (Literal["open", "closed"], '"open" or "closed"'),
        (Colour, '"red" or "blue"'),
        (tuple[str, ...], "a list, each item text"),
        (tuple[LimitSettings, ...], "a list, each item a table"),
        (Seconds | None, "seconds above 0, or a word: second, minute, hour, day, week, month"),
        (tuple[Network, ...], 'a list, each item a network such as "10.0.0.0/8" or "fd00::/8", without host bits'),
    ],
    ids=str,
)
def test_an_annotation_reads_as_words(annotation: object, words: str) -> None:
    arguments = getattr(annotation, "__metadata__", ())
    metadata = [item for mark in arguments for item in (mark.metadata if hasattr(mark, "metadata") else [mark])]
    assert takes(getattr(annotation, "__origin__", annotation) if arguments else annotation, metadata) == words


def test_a_key_path_leads_to_its_table_through_names_and_lists() -> None:
    assert model_at(Settings, ("tiers", "gold", "limits", 3)) is LimitSettings
    assert model_at(Settings, ("models", "x", "contract")) is ContractSettings
    assert model_at(Settings, ("server", "port")) is None
    assert model_at(Settings, ("nothing", "here")) is None


def test_a_key_path_says_what_it_takes() -> None:
    assert takes_at(Settings, ("server", "port")) == "a whole number from 0 to 65535"
    assert takes_at(Settings, ("tiers", "gold")) == "a table"
    assert takes_at(Settings, ("tiers",)) == "tables, each by its name"
    assert takes_at(Settings, ("server", "nothing")) == ""


def test_the_tables_of_a_small_configuration() -> None:
    class Door(Section):
        """A way in."""

        wide: bool = Field(default=False, description="Whether two may pass.")

    class House(Section):
        """A house."""

        doors: tuple[Door, ...] = Field(default=(), strict=False, description="All doors.")
        height: int = Field(description="In storeys.")

    class Town(Section):
        """A town."""

        houses: dict[str, House] = Field(default={}, description="All houses.")

    found = tables(Town)
    assert [table.header for table in found] == ["[houses.NAME]", "[[houses.NAME.doors]]"]
    assert [setting.path for setting in found[0].settings] == ["houses.NAME.doors", "houses.NAME.height"]
    assert [(setting.default, setting.required) for setting in found[0].settings] == [("[]", False), ("", True)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, '"off"'),
        (True, "true"),
        (3600.0, "3600"),
        (0.25, "0.25"),
        (Colour.RED, '"red"'),
        (Path("a/b"), '"a/b"'),
        (("a", 1), '["a", 1]'),
        ({"a b": 1}, '{ "a b" = 1 }'),
        ("é\n", '"é\\n"'),
    ],
    ids=str,
)
def test_a_value_reads_as_toml(value: object, text: str) -> None:
    assert toml_text(value) == text


def test_a_missing_value_is_off_where_off_can_be_written_and_none_elsewhere() -> None:
    assert value_text(Settings, ("tiers", "free", "contract", "top_k"), None) == '"off"'
    assert value_text(Settings, ("upstream", "url"), None) == "none"
