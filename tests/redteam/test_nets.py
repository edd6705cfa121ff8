from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.nets import Blueprint, Net, _moved, blueprint, one_thread

SIDE = 16
BRIGHTEST = 255.0


def board(columns: int = 2, outputs: int = 2, shape: tuple[int, ...] = ()) -> Blueprint:
    nothing = np.empty((0, columns))
    whole = np.zeros(columns, dtype=np.bool_)
    return blueprint(RowKnowledge(outputs, nothing, np.zeros(columns), np.full(columns, BRIGHTEST), whole, shape=shape))


def crossed(count: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Rows, and one-hot classes that no straight line separates."""
    rows = np.random.default_rng(seed).uniform(0, BRIGHTEST, (count, 2))
    return rows, np.eye(2)[((rows[:, 0] > 128) ^ (rows[:, 1] > 128)).astype(int)]


def strokes(count: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Images with one bright stroke anywhere, lying or standing, and which of both it is."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 60, (count, SIDE, SIDE))
    standing = rng.integers(0, 2, count)
    for image, upright in zip(images, standing, strict=True):
        top, left = rng.integers(1, SIDE - 7, 2)
        image[(slice(top, top + 6), left) if upright else (top, slice(left, left + 6))] = BRIGHTEST
    return images.reshape(count, -1), np.eye(2)[standing]


def accuracy(net: Net, rows: FloatArray, truth: FloatArray) -> float:
    return float(np.mean(net.scores(rows).argmax(axis=1) == truth.argmax(axis=1)))


def test_a_perceptron_learns_what_no_straight_line_separates() -> None:
    net = board().train(*crossed(400, seed=0), seed=1)
    assert accuracy(net, *crossed(400, seed=2)) > 0.95


def test_convolutions_learn_a_shape_wherever_it_is_which_a_perceptron_does_not_from_as_few_images() -> None:
    learned, fresh = strokes(100, seed=0), strokes(300, seed=2)
    convolving = board(SIDE * SIDE, shape=(1, SIDE, SIDE))
    plain = board(SIDE * SIDE)
    assert convolving.convolves
    assert not plain.convolves
    assert accuracy(convolving.train(*learned, seed=1), *fresh) > accuracy(plain.train(*learned, seed=1), *fresh) + 0.05


def test_random_targets_teach_nothing_about_fresh_rows() -> None:
    rows, truth = crossed(400, seed=0)
    shuffled = truth[np.random.default_rng(3).permutation(len(truth))]
    assert accuracy(board().train(rows, shuffled, seed=1), *crossed(400, seed=2)) < 0.65


def test_soft_targets_come_back_as_probabilities() -> None:
    rows = np.random.default_rng(0).uniform(0, BRIGHTEST, (300, 2))
    net = board().train(rows, np.tile([0.3, 0.7], (300, 1)), seed=1)
    np.testing.assert_allclose(net.scores(rows[:5]), np.tile([0.3, 0.7], (5, 1)), atol=0.05)


def test_scores_are_probabilities_for_any_number_of_rows() -> None:
    net = board().train(*crossed(50, seed=0), seed=1)
    for count in (0, 1, 1_025):
        scores = net.scores(np.full((count, 2), 7.0))
        assert scores.shape == (count, 2)
        np.testing.assert_allclose(scores.sum(axis=1), 1.0)


def test_without_rows_a_network_prefers_no_class() -> None:
    net = board(outputs=4).train(np.empty((0, 2)), np.empty((0, 4)), seed=1)
    assert net.scores(np.ones((3, 2))).tolist() == [[0.25] * 4] * 3


@pytest.mark.parametrize("shape", [(), (1, SIDE, SIDE)])
def test_gradients_are_those_of_the_log_probability(shape: tuple[int, ...]) -> None:
    rows, truth = strokes(64, seed=0)
    net = board(SIDE * SIDE, shape=shape).train(rows, truth, seed=1)
    asked = rows[:3].copy()
    classes = np.array([0, 1, 1])
    slopes = net.gradients(asked, classes)
    assert slopes.shape == asked.shape
    towards = np.random.default_rng(2).normal(size=asked.shape)
    step = 0.05
    ahead, behind = net.log_scores(asked + step * towards), net.log_scores(asked - step * towards)
    index = np.arange(3)
    measured = (ahead[index, classes] - behind[index, classes]) / (2 * step)
    np.testing.assert_allclose((slopes * towards).sum(axis=1), measured, rtol=0.05, atol=1e-4)


def test_the_same_seed_makes_the_same_network_and_another_seed_another() -> None:
    rows, truth = strokes(30, seed=0)
    for shape in ((), (1, SIDE, SIDE)):
        plan = board(SIDE * SIDE, shape=shape)
        nets = [plan.train(rows, truth, seed=seed, effort=0.2) for seed in (1, 1, 2)]
        first, again, other = (net.scores(rows).tolist() for net in nets)
        assert first == again != other


def test_a_row_of_weight_zero_is_not_learned() -> None:
    rows, truth = crossed(300, seed=0)
    wrong = np.vstack([truth, 1 - truth])
    weights = np.concatenate([np.full(300, 2.0), np.zeros(300)])
    twice = np.vstack([rows, rows])
    fresh = crossed(300, seed=2)
    assert accuracy(board().train(twice, wrong, seed=1, weights=weights), *fresh) > 0.9
    assert accuracy(board().train(twice, wrong, seed=1, weights=weights[::-1].copy()), *fresh) < 0.1


def test_training_leaves_the_threads_and_the_chance_of_others_alone() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    board().train(*crossed(20, seed=0), seed=1)
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == threads
    with one_thread():
        assert torch.get_num_threads() == 1


def test_a_moved_image_keeps_its_size_and_its_brightnesses() -> None:
    images = torch.arange(2 * SIDE * SIDE, dtype=torch.float32).reshape(2, 1, SIDE, SIDE)
    moved = _moved(images)
    assert moved.shape == images.shape
    assert set(moved[0].flatten().tolist()) <= set(images[0].flatten().tolist())
    # A whole column or row is shifted as one: neighbours stay neighbours inside the image.
    middle = moved[0, 0, 4:-4, 4:-4]
    assert torch.equal(middle[:, 1:] - middle[:, :-1], torch.ones(8, 7))


def test_columns_that_never_change_do_not_divide_by_zero() -> None:
    knowledge = RowKnowledge(2, np.empty((0, 2)), np.array([0.0, 5.0]), np.array([1.0, 5.0]), np.zeros(2, dtype=np.bool_))
    net = blueprint(knowledge).train(np.array([[0.0, 5.0], [1.0, 5.0]]), np.eye(2), seed=0)
    assert np.isfinite(net.scores(np.array([[0.5, 5.0]]))).all()


def test_attacks_are_listed_without_torch_and_running_one_says_what_to_install() -> None:
    program = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import numpy as np
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.registry import ROW_ATTACKS
attack = ROW_ATTACKS["random-pool"].make(knowledge_of(np.eye(4), 2))
class Victim:
    def ask(self, rows):
        return np.full((len(rows), 2), 0.5)
try:
    attack.run(Victim(), 2, np.random.default_rng(0))
except MissingExtra as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install 'moatkeeper[redteam]'"
