"""Model files of every kind answer as the models that were saved; what is no such file is refused, and nothing runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from moatkeeper.errors import UsageError
from moatkeeper.redteam.targets.files import Loaded, digest_of, load_model

ROWS = np.random.default_rng(0).normal(size=(60, 3))
CLASSES = (ROWS.sum(axis=1) > 0).astype(int)


def answers(loaded: Loaded) -> list[list[float]]:
    """What a loaded model says, as plain numbers."""
    said: list[list[float]] = np.round(np.asarray(loaded.answer(ROWS), dtype=np.float64), 5).tolist()
    return said


def test_a_skops_file_answers_with_the_models_probabilities(tmp_path: Path) -> None:
    model = LogisticRegression().fit(ROWS, CLASSES)
    skops.io.dump(model, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops")
    assert answers(loaded) == np.round(model.predict_proba(ROWS), 5).tolist()
    assert loaded.columns == 3
    assert loaded.labels == ()


def test_a_classifier_without_probabilities_answers_with_its_classes(tmp_path: Path) -> None:
    skops.io.dump(LinearSVC().fit(ROWS, CLASSES), tmp_path / "m.skops")
    assert load_model(tmp_path / "m.skops").labels == ("0", "1")


def test_a_skops_file_of_unknown_types_is_refused(tmp_path: Path) -> None:
    skops.io.dump({"model": Path}, tmp_path / "m.skops")
    with pytest.raises(UsageError):
        load_model(tmp_path / "m.skops")


class Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.path, "ran")


def test_a_pickle_is_not_even_opened_without_trust(tmp_path: Path) -> None:
    for end in ("pkl", "pickle", "joblib", "PKL"):
        file = tmp_path / f"m.{end}"
        file.write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
        with pytest.raises(UsageError, match="runs whatever code"):
            load_model(file)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(UsageError):
        load_model(tmp_path / "m.pkl", trust_pickle=True)
    assert (tmp_path / "ran").exists(), "the trap works, so it was the refusal that kept it shut"


def test_a_trusted_pickle_answers(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model))
    assert answers(load_model(tmp_path / "m.pkl", trust_pickle=True)) == np.round(model.predict(ROWS), 5).tolist()


class Net(torch.nn.Module):
    """A linear model of images of one channel, 1 x 3."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Shape (n, 2) for images (n, 1, 1, 3)."""
        return torch.softmax(self.layer(images.flatten(1)), dim=1)


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().eval()


def of(net: Net) -> list[list[float]]:
    """What the network itself says."""
    with torch.inference_mode():
        said: list[list[float]] = net(torch.tensor(ROWS, dtype=torch.float32)).double().numpy().round(5).tolist()
    return said


@pytest.mark.filterwarnings("ignore")
def test_torchscript_and_exported_networks_answer(tmp_path: Path, net: Net) -> None:
    images = torch.zeros(2, 1, 1, 3)
    torch.jit.save(torch.jit.trace(net, images), str(tmp_path / "m.pt"))  # type: ignore[no-untyped-call]
    dynamic = ({0: torch.export.Dim("rows")},)
    torch.export.save(torch.export.export(net, (images,), dynamic_shapes=dynamic), tmp_path / "m.pt2")
    for name in ("m.pt", "m.pt2"):
        assert answers(load_model(tmp_path / name, shape=(1, 1, 3))) == of(net)


def test_a_state_dictionary_is_no_model(tmp_path: Path, net: Net) -> None:
    torch.save(net.state_dict(), tmp_path / "m.pt")
    with pytest.raises(UsageError):
        load_model(tmp_path / "m.pt")


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_answers_and_says_its_columns(tmp_path: Path) -> None:
    save_onnx(tmp_path / "m.onnx")
    loaded = load_model(tmp_path / "m.onnx")
    assert loaded.columns == 3
    expected = ROWS.astype(np.float32) @ WEIGHTS
    assert answers(loaded) == pytest.approx(np.round(expected, 5), abs=2e-5)


WEIGHTS = np.array([[1.0, -1.0], [0.5, 0.25], [0.0, 2.0]], dtype=np.float32)


def save_onnx(path: Path) -> None:
    """A model of a decision and of scores, as converters write them: the decision first."""
    from onnx import TensorProto, helper, numpy_helper, save

    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]),
    ]
    nodes = [
        helper.make_node("MatMul", ["rows", "w"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(nodes, "g", [rows], outputs, [numpy_helper.from_array(WEIGHTS, "w")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


@pytest.mark.parametrize("name", ["m.onnx", "m.skops", "m.pt", "m.pt2", "m.h5", "m"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(UsageError):
        load_model(tmp_path / name)


def test_a_missing_file_is_refused_and_the_kinds_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_model(tmp_path / "none.onnx")
    assert ".skops" in caught.value.hint


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"abc")
    assert digest_of(tmp_path / "m") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
