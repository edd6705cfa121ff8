"""The canonical form: one record, one string of bytes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.evidence.canonical import WHOLE_LIMIT, NotCanonical, Record, Value, canonical, mended, microseconds, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(st.characters(max_codepoint=127), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-WHOLE_LIMIT, WHOLE_LIMIT) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))
RECORDS = st.dictionaries(NAMES, VALUES, max_size=6)


class Colour(StrEnum):
    RED = "red"


@given(RECORDS)
def test_a_record_is_read_back_from_its_bytes_and_gives_the_same_bytes_again(record: dict[str, Value]) -> None:
    body = canonical(record)
    assert parse(body) == record
    assert canonical(parse(body)) == body


@given(RECORDS)
def test_the_order_in_which_names_were_added_does_not_matter(record: dict[str, Value]) -> None:
    assert canonical(dict(reversed(record.items()))) == canonical(record)


@given(RECORDS)
def test_an_independent_writer_of_sorted_json_gives_the_same_bytes(record: dict[str, Value]) -> None:
    # RFC 8785 escapes a control character as JSON.stringify does, and so does Python's own json; neither escapes DEL.
    expected = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert canonical(record) == expected


def test_the_bytes_can_be_written_by_hand() -> None:
    record: Record = {"b": [1, True, None], "a": 'é"\n\u0001', "at": microseconds(1.5)}
    assert canonical(record) == b'{"a":"\xc3\xa9\\"\\n\\u0001","at":1500000,"b":[1,true,null]}'


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (1.5, "record.x: .*float"),
        (float("nan"), "float"),
        (WHOLE_LIMIT + 1, "53 bits"),
        (-WHOLE_LIMIT - 1, "53 bits"),
        (b"raw", "bytes"),
        ({1, 2}, "set"),
        (Colour.RED, "Colour"),
        ("\ud800", "lone surrogate"),
        ([0, {"y": 2.0}], r"record.x\[1\].y: .*float"),
        ({3: "three"}, "names in ASCII"),
        ({"ключ": 1}, "names in ASCII"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_name(value: object, named: str) -> None:
    with pytest.raises(NotCanonical, match=named):
        canonical({"x": cast(Value, value)})


def test_a_name_beyond_ascii_is_refused_at_the_top_too() -> None:
    with pytest.raises(NotCanonical, match="names in ASCII"):
        canonical({"\U0001f600": 1, "\ufb01": 2})


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"3", b'{"a":\xff}'])
def test_bytes_of_no_record_are_refused(body: bytes) -> None:
    with pytest.raises(NotCanonical):
        parse(body)


@pytest.mark.parametrize("value", [1.5, "\ud800", b"raw", 2**70, {"é": [1, 2.5, (True, None)]}, Colour.RED])
def test_mending_keeps_a_record_that_has_no_canonical_form(value: object) -> None:
    record = parse(canonical(mended({"x": cast(Value, value), "account": "acme"})))
    assert record["account"] == "acme"
    assert record["mended"] is True
    assert "x" in record
