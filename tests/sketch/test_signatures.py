"""MinHash: the similarity of sets against the truth, and of texts."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.sketch.extremes import Largest
from moatkeeper.sketch.signatures import FRAGMENT, resemblance, signatures, text_signatures

WIDTH = 128
RUNS = 200
TEMPLATE = "Explain step by step why {} is the right answer, and show all of your reasoning before you say it."


def pairs(shared: int, own: int, seed: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint32]], ...]:
    """Signatures of RUNS pairs of sets with so many items in common and so many each of their own."""
    items = np.random.default_rng(seed).integers(0, 2**63, (RUNS, shared + 2 * own)).astype(np.uint64)
    first, second = items[:, : shared + own], np.delete(items, np.s_[shared : shared + own], axis=1)
    owners = np.repeat(np.arange(RUNS), shared + own)
    return tuple(signatures(one.reshape(-1), owners, RUNS, WIDTH) for one in (first, second))


@pytest.mark.parametrize(("shared", "own"), [(0, 50), (5, 5), (50, 25), (400, 100), (400, 800), (30, 0)])
def test_the_estimate_is_unbiased_and_as_exact_as_stated(shared: int, own: int) -> None:
    truth = shared / (shared + 2 * own)
    read = resemblance(*pairs(shared, own, seed=shared + own))
    spread = np.sqrt(truth * (1 - truth) / min(WIDTH, shared + 2 * own))
    assert abs(read.mean() - truth) < 4 * spread / np.sqrt(RUNS) + 1e-3
    assert read.std() < 1.2 * spread + 1e-3


def test_the_signature_of_a_union_is_the_merge() -> None:
    first, second = text_signatures(["one text about something", "and another about more"], WIDTH)
    both = text_signatures(["one text about something" + "\x00" * (FRAGMENT - 1) + "and another about more"], WIDTH)[0]
    merged = Largest(WIDTH).merge(first[None], second[None])[0]
    assert np.mean(both == merged) > 0.9  # the filling itself makes a few fragments


def test_one_template_is_told_from_another_text() -> None:
    texts = [TEMPLATE.format("blue"), TEMPLATE.format("Paris"), "Please translate the following contract into German for me."]
    blue, paris, other = text_signatures(texts, WIDTH)
    assert resemblance(blue, paris) > 0.7
    assert resemblance(blue, other) < 0.1


def test_many_texts_at_once_are_as_one_by_one() -> None:
    texts = ["", "a", "Ünïcödé " * 3, "x" * 5_000, "A", "\ud800 broken", *(TEMPLATE.format(number) for number in range(50))]
    at_once = text_signatures(texts, WIDTH, salt=5)
    np.testing.assert_array_equal(at_once, np.concatenate([text_signatures([text], WIDTH, salt=5) for text in texts]))
    assert not at_once[0].any()
    assert np.isnan(resemblance(at_once[0], at_once[0]))
    np.testing.assert_array_equal(at_once[1], at_once[4])
    assert text_signatures([], WIDTH).shape == (0, WIDTH)


def test_a_long_run_of_texts_is_looked_at_in_pieces() -> None:
    texts = ["y" * 700_000, "short one", "z" * 1_500_000, "short two", "", "w" * 600_000]
    at_once = text_signatures(texts, 16)
    np.testing.assert_array_equal(at_once[[1, 3]], text_signatures(["short one", "short two"], 16))
    assert at_once.any(axis=1).tolist() == [True, True, True, True, False, True]


def test_a_salt_changes_every_place() -> None:
    first, second = (text_signatures([TEMPLATE], WIDTH, salt)[0] for salt in (1, 2))
    assert resemblance(first, second) < 0.05
