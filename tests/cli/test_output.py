"""What commands print: columns that line up, JSON that parses, results apart from remarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.cli.output import note, say, say_json, table

CELLS = st.text("abc xyz0123", max_size=8) | st.integers()


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_no_line_of_a_table_is_wider_than_its_rule(rows: list[tuple[object, ...]]) -> None:
    lines = table(("a", "b", "c"), rows).split("\n")
    assert max(map(len, lines)) <= len(lines[1])
    assert len(lines) == 2 + len(rows)


def test_a_table_to_check_by_hand() -> None:
    assert table(("name", "rows"), [("a", 5), ("bcdef", 100)]) == "name   rows\n-----  ----\na         5\nbcdef   100"


def test_results_and_remarks_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    say("result")
    note("remark")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("result\n", "remark\n")


def test_json_parses_and_holds_paths_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"data": Path("a/b"), "numbers": (1, 2.5)})
    assert json.loads(capsys.readouterr().out) == {"data": "a/b", "numbers": [1, 2.5]}


def test_what_a_stranger_wrote_moves_no_cursor_and_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2Jacme\nother: good"
    assert table(("name",), [(name,)]).split("\n")[2:] == ["\\x1b[2Jacme\\nother: good"]
    say(f"one\n{name}")
    note("\x9b2J é → ·")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("one\n\\x1b[2Jacme\nother: good\n", "\\x9b2J é → ·\n")
