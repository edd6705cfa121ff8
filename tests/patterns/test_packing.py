"""Packing: what comes out is what went in, and nothing else ever comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.answers import AnswerForm
from moatkeeper.patterns.packing import MAGIC, digest, pack, packable, unpack


@packable
@dataclass(frozen=True, slots=True)
class Sample:
    numbers: np.ndarray
    words: tuple[str, ...]
    form: AnswerForm
    table: dict[str, float]
    nothing: None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    pass


SAMPLE = Sample(np.array([[1.5, np.nan]]), ("a", "ö"), AnswerForm.VALUES, {"x": float("inf")})


def test_a_value_survives() -> None:
    again = unpack(pack(SAMPLE), Sample, "a file")
    np.testing.assert_array_equal(again.numbers, SAMPLE.numbers)
    assert (again.words, again.form, again.table, again.nothing) == (SAMPLE.words, SAMPLE.form, SAMPLE.table, None)


def test_a_digest_is_of_what_a_value_holds() -> None:
    again = unpack(pack(SAMPLE), Sample, "a file")
    assert digest(again) == digest(SAMPLE)
    assert digest(replace(SAMPLE, numbers=np.asfortranarray(SAMPLE.numbers))) == digest(SAMPLE)
    changed = [SAMPLE.numbers + 1, SAMPLE.numbers.astype(np.float32), SAMPLE.numbers.T]
    assert len({digest(replace(SAMPLE, numbers=one)) for one in changed} | {digest(SAMPLE)}) == 4


def test_what_is_not_marked_cannot_be_packed() -> None:
    with pytest.raises(TypeError, match="Stranger"):
        pack(Stranger())


@given(st.data())
def test_one_changed_byte_is_noticed(data: st.DataObject) -> None:
    content = bytearray(pack(SAMPLE))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CalibrationError, match="a file: found"):
        unpack(bytes(content), Sample, "a file")


@given(st.binary(max_size=300))
def test_garbage_with_a_right_digest_is_refused(garbage: bytes) -> None:
    content = MAGIC + sha256(b"\x01" + garbage).digest() + b"\x01" + garbage
    with pytest.raises(CalibrationError, match="makes no sense"):
        unpack(content, Sample, "a file")


@pytest.mark.parametrize("content", [b"", b"garbage", MAGIC, MAGIC + b"\0" * 40, MAGIC + sha256(b"").digest()])
def test_what_is_no_calibration_is_refused_with_a_hint(content: bytes) -> None:
    with pytest.raises(CalibrationError) as raised:
        unpack(content, Sample, "a file")
    assert "moatkeeper calibrate" in raised.value.hint


def test_another_kind_of_value_is_refused() -> None:
    with pytest.raises(CalibrationError, match="a Sample"):
        unpack(pack(SAMPLE), Stranger, "a file")
