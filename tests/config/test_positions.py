"""Lines of keys: whatever a document looks like, every key that tomllib finds has the line on which it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.config.positions import KeyPath, key_lines

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
QUOTED = st.sampled_from(['"a b"', '"a.b"', "'c#d'", '"e\\"f"', "'='", '"[x]"', '""'])
KEY = BARE | QUOTED
SCALAR = st.sampled_from(
    [
        "1",
        "-1.5e3",
        "true",
        "1979-05-27T07:32:00Z",
        "1979-05-27 07:32:00",
        '"text # no comment"',
        '"with \\" quote ] } ,"',
        "'lit = \\'",
        '""',
        "''",
        '"""one\ntwo = 2\n[three]\n"""',
        '"""ends with quotes"""""',
        "'''a\nb = 'c'\n'''",
        '"""\\"""\n"""',
    ]
)
GAP = st.sampled_from(["", " ", "\n", "  # a = 1 [b]\n", "\n\n  "])


@st.composite
def arrays(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    """An array over one or several lines, with comments and a trailing comma at times."""
    parts = [draw(GAP) + item + draw(GAP) for item in draw(st.lists(items, max_size=3))]
    tail = "," + draw(GAP) if parts and draw(GAP) == "" else ""
    return "[" + ",".join(parts) + tail + draw(GAP) + "]"


def inline_tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A table on one line; its values may still span lines where they are arrays or long strings."""
    return st.dictionaries(KEY, values, max_size=3).map(
        lambda pairs: "{ " + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + " }"
    )


VALUE = st.recursive(SCALAR, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=6)
DOTTED = st.lists(KEY, min_size=1, max_size=3).map(" . ".join)
PAIR = st.tuples(DOTTED, VALUE).map(lambda pair: f"{pair[0]} = {pair[1]}")
HEADER = st.tuples(st.sampled_from([("[", "]"), ("[[", "]]")]), DOTTED).map(lambda it: f"{it[0][0]} {it[1]} {it[0][1]}")
LINE = PAIR | HEADER | st.sampled_from(["", "# comment = 1", "   "])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid document: of random lines, those that tomllib takes after the ones before."""
    text = ""
    for line in draw(st.lists(LINE, max_size=8)):
        longer = f"{text}{line}\n"
        try:
            tomllib.loads(longer)
        except tomllib.TOMLDecodeError:
            continue
        text = longer
    return text


def paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key path of a parsed document."""
    if path:
        yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


@given(documents())
def test_the_keys_with_lines_are_exactly_the_keys_that_tomllib_finds(text: str) -> None:
    assert set(key_lines(text)) == set(paths(tomllib.loads(text)))


@given(documents(), st.integers(1, 5))
def test_empty_lines_in_front_move_every_key_down_by_as_many(text: str, count: int) -> None:
    assert key_lines("\n" * count + text) == {path: line + count for path, line in key_lines(text).items()}


def test_a_document_to_check_by_hand() -> None:
    text = """# line 1
top = 1

[server]            # line 4
port = 8080
note = '''
[not.a.table]
'''
list = [
  1,
  { a = 1, b.c = 2 },
]

[[routes]]          # line 14
match = "/x"
[[routes]]
match = "/y"
[routes.deep]
key.inner = true
"""
    assert dict(key_lines(text)) == {
        ("top",): 2,
        ("server",): 4,
        ("server", "port"): 5,
        ("server", "note"): 6,
        ("server", "list"): 9,
        ("server", "list", 0): 10,
        ("server", "list", 1): 11,
        ("server", "list", 1, "a"): 11,
        ("server", "list", 1, "b"): 11,
        ("server", "list", 1, "b", "c"): 11,
        ("routes",): 14,
        ("routes", 0): 14,
        ("routes", 0, "match"): 15,
        ("routes", 1): 16,
        ("routes", 1, "match"): 17,
        ("routes", 1, "deep"): 18,
        ("routes", 1, "deep", "key"): 19,
        ("routes", 1, "deep", "key", "inner"): 19,
    }


def test_what_is_not_toml_raises_instead_of_being_located() -> None:
    with pytest.raises(ValueError, match="valid TOML"):
        key_lines("= 1")
