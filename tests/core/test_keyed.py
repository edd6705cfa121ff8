"""Keyed digests: the same only for the same secret, purpose and parts."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from moatkeeper.core.keyed import DIGEST_BYTES, keyed_digest, same_digest

SECRET = b"s" * 32
PARTS = st.lists(st.binary(max_size=6), max_size=4)


@given(PARTS)
def test_a_digest_is_the_same_again_and_of_one_length(parts: list[bytes]) -> None:
    digest = keyed_digest(SECRET, "test", *parts)
    assert same_digest(digest, keyed_digest(SECRET, "test", *parts))
    assert len(digest) == DIGEST_BYTES


@given(PARTS, PARTS)
def test_other_parts_have_another_digest_wherever_they_are_cut(first: list[bytes], second: list[bytes]) -> None:
    assume(first != second)
    assert not same_digest(keyed_digest(SECRET, "test", *first), keyed_digest(SECRET, "test", *second))


def test_moving_a_byte_from_one_part_to_the_next_changes_the_digest() -> None:
    assert keyed_digest(SECRET, "test", b"ab", b"c") != keyed_digest(SECRET, "test", b"a", b"bc")


@given(PARTS)
def test_another_secret_or_purpose_has_another_digest(parts: list[bytes]) -> None:
    digest = keyed_digest(SECRET, "test", *parts)
    assert digest != keyed_digest(b"t" * 32, "test", *parts)
    assert digest != keyed_digest(SECRET, "other", *parts)
