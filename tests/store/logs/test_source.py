"""Files as lines: cut anywhere, every line is read once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.store.logs import source
from moatkeeper.store.logs.base import Unreadable
from moatkeeper.store.logs.source import FileKind, Piece, copied, kind_of, lines, pieces, record_of


@given(
    content=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b" ")), max_size=12), cut=st.integers(1, 20)
)
def test_wherever_a_file_is_cut_every_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], cut: int
) -> None:
    file = tmp_path_factory.mktemp("cut") / "log"
    whole = b"\n".join(content)
    file.write_bytes(whole)
    edges = sorted({0, len(whole), *range(cut, len(whole), cut)})
    found = [line.content for start, end in pairwise(edges) for line in lines(Piece("log", file, start, end))]
    assert b"".join(found) == whole
    assert all(line.endswith(b"\n") for line in found[:-1])


def test_pieces_cover_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PIECE_BYTES", 100)
    file = tmp_path / "log"
    file.write_bytes(b"{}\n" * 333)
    cut = pieces("log", file)
    assert [piece.start for piece in cut] == [0, *(piece.end for piece in cut[:-1])]
    assert cut[-1].end == 999
    assert sum(copied(piece, tmp_path / "copy") for piece in cut) == 333


def test_a_line_that_is_too_long_is_broken_and_the_next_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 50)
    file = tmp_path / "log"
    file.write_bytes(b'{"a": "' + b"x" * 200 + b'"}\n{"a": 1}\n')
    first, second = lines(Piece("log", file, 0, file.stat().st_size))
    assert (first.whole, second.whole) == (False, True)
    with pytest.raises(Unreadable, match="a line of more than"):
        record_of(first.content, whole=first.whole)
    assert record_of(second.content) == {"a": 1}


def test_kinds_of_files(tmp_path: Path) -> None:
    for name, content, kind in (
        ("a", b'{"a": 1}', FileKind.LINES),
        ("b.json", b' \n[{"a": 1}]', FileKind.ARRAY),
        ("c", b"\x1f\x8b\x08", FileKind.GZIPPED),
        ("d", b"PAR1", FileKind.PARQUET),
        ("e.csv", b"a,b\n1,2\n", FileKind.CSV),
        ("f.csv", b'{"a": 1}', FileKind.LINES),
        ("g", b"", FileKind.LINES),
    ):
        (tmp_path / name).write_bytes(content)
        assert kind_of(tmp_path / name) is kind


def test_json_with_nan_is_read_and_other_nonsense_refused() -> None:
    found = record_of(b'{"a": NaN, "b": Infinity}')
    assert found is not None
    assert found["b"] == float("inf")
    assert record_of(b" \n") is None
    assert record_of(b'{"record": {"a": 1}}', wrapped=True) == {"a": 1}
    for nonsense in (b"{NaN", b"7", b"[]", b"\xff\xfe"):
        with pytest.raises(Unreadable, match="found a line that is no JSON"):
            record_of(nonsense)


def test_half_of_a_surrogate_pair_is_a_broken_line_and_not_the_end_of_the_hunt() -> None:
    for line in (b'{"a": "\\ud800"}', b'{"a": "\\ud800", "b": NaN}'):
        with pytest.raises(Unreadable, match="found a line that is no JSON"):
            record_of(line)
