"""States as bytes: small where little was done, and nothing else is taken for them."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import StoreError
from moatkeeper.sketch.base import Sketch, State
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts
from moatkeeper.sketch.packing import VERSION, pack, unpack
from moatkeeper.sketch.sums import Sums

SKETCHES: dict[str, Sketch] = {"seen": Bits(6, 2_048), "tallies": Counts(64), "sums": Sums(256)}
FEW_ROWS = 4
SMALL = 400  # bytes that an account with a handful of rows may take, of 3,840
FULL = 3_900


def states(rows: int, seed: int = 0) -> dict[str, State]:
    rng, owners = np.random.default_rng(seed), np.zeros(rows, dtype=np.int64)
    made = {name: sketch.empty(1) for name, sketch in SKETCHES.items()}
    SKETCHES["seen"].fold(made["seen"], owners, rng.integers(0, 2**62, (rows, 6)))
    SKETCHES["tallies"].fold(made["tallies"], owners, rng.integers(0, 64, (rows, 2)))
    SKETCHES["sums"].fold(made["sums"][:, :256], owners, np.where(np.arange(256) < 8, rng.normal(size=(rows, 256)), 0.0))
    return made


def read(content: bytes) -> dict[str, State]:
    return unpack(content, SKETCHES, "account 7")


@pytest.mark.parametrize("rows", [0, 1, FEW_ROWS, 1_000])
def test_states_come_back_as_they_were(rows: int) -> None:
    made, restored = states(rows), read(pack(states(rows)))
    assert restored.keys() == made.keys()
    for name, state in made.items():
        np.testing.assert_array_equal(restored[name], state)
        restored[name][...] = 0  # they are the caller's own


def test_an_account_that_did_little_takes_little() -> None:
    assert sum(state.nbytes for state in states(0).values()) == 1_536 + 256 + 2_048
    assert len(pack(states(0))) < 64
    assert len(pack(states(FEW_ROWS))) < SMALL
    assert len(pack(states(5_000))) < FULL


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "0 bytes that are no sketches"),
        (b"\x00" * 500, "500 bytes that are no sketches"),
        (b"MKS", "3 bytes that are no sketches"),
        (pack(states(3))[:-1], "damaged bytes"),
        (pack(states(3)) + b"x", "damaged bytes"),
        (b"MKS" + bytes([VERSION + 1]) + pack(states(3))[4:], f"version {VERSION + 1}"),
        (pack({"seen": states(3)["seen"]}), "sketches of another kind or size"),
        (pack({**states(3), "tallies": Counts(65).empty(1)}), "sketches of another kind or size"),
    ],
)
def test_what_is_not_from_here_is_refused_with_a_reason(content: bytes, found: str) -> None:
    with pytest.raises(StoreError, match=f"account 7: found {found}.*, expected sketches of version {VERSION}") as caught:
        read(content)
    assert "begin anew" in caught.value.hint


@pytest.mark.parametrize("body", [b"no zlib at all", zlib.compress(b"\x00" * 10_000_000), zlib.compress(b"short")])
def test_a_body_with_a_true_check_and_a_false_content_is_refused(body: bytes) -> None:
    head = pack(states(0))[:8]
    with pytest.raises(StoreError, match="a body"):
        read(head + zlib.crc32(body).to_bytes(4, "little") + body)


def test_a_small_body_cannot_ask_for_much_memory() -> None:
    body = zlib.compress(b"\x00" * 50_000_000)
    content = pack(states(0))[:8] + zlib.crc32(body).to_bytes(4, "little") + body
    tracemalloc.start()
    with pytest.raises(StoreError):
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_changed_bit_goes_unnoticed(place: int, bit: int) -> None:
    content = bytearray(pack(states(20)))
    content[place % len(content)] ^= 1 << bit
    with pytest.raises(StoreError):
        read(bytes(content))


def test_several_owners_are_not_packed_as_one() -> None:
    with pytest.raises(ValueError, match="found 2 owners, expected 1"):
        pack({"sums": Sums(3).empty(2)})
