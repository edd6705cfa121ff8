"""Victims that classify images, with the images of their thieves: MNIST with a LeNet, CIFAR-10 with a published ResNet-20."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from bench.datasets import data_set
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge

CLASSES = 10
BRIGHTEST = 255.0
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, with which the ResNet was trained
ROWS_AT_ONCE = 256
SPLIT_SEED = 20_260_101


class Owner:
    """A victim in process: class probabilities of rows, or labels as one-hot rows."""

    spent = Expenses()

    def __init__(self, module: nn.Module, shape: tuple[int, int, int], *, labels_only: bool = False) -> None:
        self._module = module.eval()
        self._shape = shape
        self._labels_only = labels_only

    def only_labels(self) -> Owner:
        """The same model behind an API that says no more than its label."""
        return Owner(self._module, self._shape, labels_only=True)

    def ask(self, rows: FloatArray) -> FloatArray:
        """Shape (n, 10)."""
        parts = [self._scores(rows[at : at + ROWS_AT_ONCE]) for at in range(0, len(rows), ROWS_AT_ONCE)]
        scores = np.concatenate(parts) if parts else np.empty((0, CLASSES))
        return np.eye(CLASSES)[scores.argmax(axis=1)] if self._labels_only else scores

    def _scores(self, rows: FloatArray) -> FloatArray:
        with torch.no_grad():
            images = torch.as_tensor(rows / BRIGHTEST, dtype=torch.float32).reshape(len(rows), *self._shape)
            scores: FloatArray = functional.softmax(self._module(images).double(), dim=1).numpy()
        return scores


@dataclass(frozen=True, slots=True)
class Case:
    """A victim, what a thief of it has, and held-out images with their true classes."""

    owner: Owner
    knowledge: RowKnowledge
    held_out: FloatArray
    outcomes: npt.NDArray[np.int64]


def mnist(*, train: int, pool: int, held_out: int, passes: int) -> Case:
    """A LeNet on MNIST: ``train`` of the first 50,000 shuffled digits train it, ``pool`` others are the thief's.

    Held-out digits come from the last 10,000. The foreign images are Tiny-ImageNet's, in grey at 28 x 28.
    """
    with np.load(data_set("image/mnist_train.npz")) as file:
        images, labels = file["x"].reshape(-1, 784).astype(np.float64), file["y"].astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    own, rest, fresh = order[:train], order[train:50_000][:pool], order[50_000:][:held_out]
    shape = (1, 28, 28)
    owner = Owner(_trained_lenet(images[own] / BRIGHTEST, labels[own], passes), shape)
    return Case(owner, _knowledge(images[rest], _tiny_imagenet(shape), shape), images[fresh], labels[fresh])


def cifar(*, pool: int, held_out: int) -> Case:
    """The ResNet-20 on CIFAR-10's JPEGs. The thief's and the held-out images are both of the test set, which it never saw.

    The foreign images are Tiny-ImageNet's, at 32 x 32.
    """
    with np.load(data_set("image/cifar10_jpeg_test.npz")) as file:
        labels = file["y"].astype(np.int64)
        order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))[: pool + held_out]
        shape = (3, 32, 32)
        images = _decoded(file["jpeg"], file["offset"], order, shape)
    module = ResNet20()
    weights = torch.load(data_set("weights/cifar10jpeg_resnet20_ft2.pt"), weights_only=True)
    module.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in weights.items()})
    knowledge = _knowledge(images[:pool], _tiny_imagenet(shape), shape)
    return Case(Owner(module, shape), knowledge, images[pool:], labels[order[pool:]])


def _knowledge(pool: FloatArray, foreign: FloatArray, shape: tuple[int, int, int]) -> RowKnowledge:
    columns = pool.shape[1]
    whole = np.ones(columns, dtype=np.bool_)
    return RowKnowledge(CLASSES, pool, np.zeros(columns), np.full(columns, BRIGHTEST), whole, foreign, shape)


def _tiny_imagenet(shape: tuple[int, int, int]) -> FloatArray:
    with np.load(data_set("image/tinyimagenet_val_jpeg.npz")) as file:
        return _decoded(file["jpeg"], file["offset"], np.arange(len(file["y"])), shape)


def _decoded(data: np.ndarray, offsets: np.ndarray, indexes: np.ndarray, shape: tuple[int, int, int]) -> FloatArray:
    channels, height, width = shape
    rows = np.empty((len(indexes), channels * height * width))
    for place, index in enumerate(indexes.tolist()):
        picture = Image.open(io.BytesIO(data[offsets[index] : offsets[index + 1]].tobytes()))
        sized = picture.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(sized, dtype=np.float64).reshape(height, width, channels)
        rows[place] = pixels.transpose(2, 0, 1).ravel()
    return rows


def _trained_lenet(rows: FloatArray, labels: npt.NDArray[np.int64], passes: int) -> nn.Module:
    torch.manual_seed(SPLIT_SEED)
    module = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES),
    )  # fmt: skip
    images = torch.as_tensor(rows, dtype=torch.float32).reshape(-1, 1, 28, 28)
    truth = torch.as_tensor(labels)
    optimiser = torch.optim.Adam(module.parameters(), lr=2e-3)
    for _ in range(passes):
        for chosen in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            functional.cross_entropy(module(images[chosen]), truth[chosen]).backward()
            optimiser.step()
    return module


class _Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, images: Tensor) -> Tensor:
        grown = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(images)))))
        if grown.shape != images.shape:  # the shortcut without weights: every other pixel, and empty channels on both sides
            half = (grown.shape[1] - images.shape[1]) // 2
            images = functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        return functional.relu(grown + images)


class ResNet20(nn.Module):
    """He et al. 2016, section 4.2, with n = 3 and shortcuts of option A; images in [0, 1] are standardised here."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[_Block(16, 16, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(_Block(16, 32, 2), _Block(32, 32, 1), _Block(32, 32, 1))
        self.layer3 = nn.Sequential(_Block(32, 64, 2), _Block(64, 64, 1), _Block(64, 64, 1))
        self.linear = nn.Linear(64, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (n, 10)."""
        standard = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SPREAD)[:, None, None]
        grown = self.layer3(self.layer2(self.layer1(functional.relu(self.bn1(self.conv1(standard))))))
        logits: Tensor = self.linear(grown.mean(dim=(2, 3)))
        return logits
