"""Keyed digests of what was asked and answered."""

from __future__ import annotations

from hashlib import blake2b, sha256

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.evidence.digest import DIGEST_BYTES, released_digest, request_digest, running_released_digest

SECRET = bytes(32)


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_the_pieces_of_an_answer_give_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    running = running_released_digest(SECRET)
    for piece in pieces:
        running.update(piece)
    assert running.hex() == released_digest(SECRET, b"".join(pieces))


def test_the_same_bytes_have_another_digest_under_another_secret_and_in_another_place() -> None:
    digests = {request_digest(SECRET, b"x"), request_digest(b"\1" * 32, b"x"), released_digest(SECRET, b"x")}
    assert len(digests) == 3


def test_a_short_input_is_found_by_trial_from_a_plain_digest_and_not_from_a_keyed_one() -> None:
    answers = [b"yes", b"no"]
    plain = sha256(b"yes").hexdigest()
    assert [answer for answer in answers if sha256(answer).hexdigest() == plain] == [b"yes"]
    keyed = request_digest(SECRET, b"yes")
    assert [answer for answer in answers if blake2b(answer, digest_size=DIGEST_BYTES).hexdigest() == keyed] == []
