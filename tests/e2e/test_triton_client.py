"""Triton's official client through the gateway: binary tensors, chosen outputs, classifications, health, and closed doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.support.kserve_server import LABELS, FloatArray, KServeServer, probabilities
from tests.support.servers import RunningGateway, gateway, serving

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, -1.0, 0.5, 2.0], [-0.3, 0.8, 0.0, 0.6]], dtype=np.float32)

DECLARED = """
[models.animals.contract]
outputs = ["probabilities"]
"""

LIMITED = """
[limits]
mode = "enforce"
default_tier = "small"

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 3 }]
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[KServeServer, str]]:
    server = KServeServer()
    with serving(server.app()) as url:
        yield server, url


@pytest.fixture(scope="module")
def guarded(upstream: tuple[KServeServer, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with gateway(upstream[1], tmp_path_factory.mktemp("triton"), config=DECLARED) as running:
        yield running


@pytest.fixture(scope="module")
def client(guarded: RunningGateway) -> Iterator[InferenceServerClient]:
    with connected(guarded.url) as client:
        yield client


@pytest.fixture(scope="module")
def direct(upstream: tuple[KServeServer, str]) -> Iterator[InferenceServerClient]:
    with connected(upstream[1]) as client:
        yield client


def connected(url: str) -> InferenceServerClient:
    return InferenceServerClient(url.removeprefix("http://"), network_timeout=20, connection_timeout=20)


def tensor(rows: FloatArray, *, binary: bool = True) -> InferInput:
    given = InferInput("x", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=binary)
    return given


def scores(
    client: InferenceServerClient, model: str, rows: FloatArray = ROWS, *, binary_in: bool = True, binary_out: bool = True
) -> FloatArray:
    asked = [InferRequestedOutput("probabilities", binary_data=binary_out)]
    answer = client.infer(model, [tensor(rows, binary=binary_in)], outputs=asked)
    found: FloatArray = answer.as_numpy("probabilities")
    return found


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_scores_are_rounded_in_every_form_of_tensors_and_the_winner_stays(
    client: InferenceServerClient, direct: InferenceServerClient, binary_in: bool, binary_out: bool
) -> None:
    true = scores(direct, "m", binary_in=binary_in, binary_out=binary_out)
    shown = scores(client, "m", binary_in=binary_in, binary_out=binary_out)
    assert np.array_equal(true, probabilities(ROWS)) or np.allclose(true, probabilities(ROWS), atol=1e-7)
    assert shown.dtype == np.float32
    assert np.array_equal(shown, np.round(shown, 2))
    assert np.max(np.abs(shown - true)) < 0.01
    assert np.array_equal(shown.argmax(axis=1), true.argmax(axis=1))
    assert not np.array_equal(true, np.round(true, 2))  # bare, the model tells more than two decimals


def test_what_the_request_does_not_name_comes_rounded_too(client: InferenceServerClient) -> None:
    answer = client.infer("m", [tensor(ROWS)])
    assert np.array_equal(answer.as_numpy("probabilities"), np.round(answer.as_numpy("probabilities"), 2))
    logits = answer.as_numpy("logits")
    assert np.allclose(logits, np.log(probabilities(ROWS)), rtol=1e-3)
    assert all(len(f"{abs(value):.3e}") and abs(value - float(f"{value:.3e}")) < 1e-6 for value in np.ravel(logits))


def test_an_output_that_the_contract_does_not_declare_is_neither_given_nor_asked_for(
    client: InferenceServerClient, upstream: tuple[KServeServer, str]
) -> None:
    both = [InferRequestedOutput("probabilities"), InferRequestedOutput("logits")]
    for answer in (client.infer("animals", [tensor(ROWS)], outputs=both), client.infer("animals", [tensor(ROWS)])):
        assert answer.as_numpy("logits") is None
        assert answer.as_numpy("probabilities").shape == (3, 3)
        outputs = upstream[0].documents[-1]["outputs"]
        assert isinstance(outputs, list)
        assert [output["name"] for output in outputs] == ["probabilities"]
    with pytest.raises(InferenceServerException, match="none of the requested outputs"):
        client.infer("animals", [tensor(ROWS)], outputs=[InferRequestedOutput("logits")])


@pytest.mark.parametrize("binary", [True, False])
def test_scores_inside_classification_strings_are_rounded(
    client: InferenceServerClient, direct: InferenceServerClient, binary: bool
) -> None:
    def classes(of: InferenceServerClient) -> list[list[str]]:
        asked = [InferRequestedOutput("probabilities", class_count=2, binary_data=binary)]
        found = of.infer("m", [tensor(ROWS)], outputs=asked).as_numpy("probabilities")
        return [[text.decode() if isinstance(text, bytes) else str(text) for text in row] for row in found]

    true, shown = classes(direct), classes(client)
    assert [[text.split(":")[1:] for text in row] for row in shown] == [[text.split(":")[1:] for text in row] for row in true]
    for number, row in enumerate(shown):
        value, index, label = row[0].split(":")
        assert label == LABELS[int(index)] == LABELS[int(probabilities(ROWS)[number].argmax())]
        assert value == str(round(float(value), 2))
        assert len(true[number][0].split(":")[0]) == len("0.123456")


def test_health_and_metadata_are_answered(client: InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("m")
    assert client.get_server_metadata()["name"] == "triton"
    assert [output["name"] for output in client.get_model_metadata("m")["outputs"]] == ["probabilities", "logits"]


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.register_system_shared_memory("region", "/region", 64),
        lambda client: client.get_system_shared_memory_status(),
        lambda client: client.register_cuda_shared_memory("region", b"handle", 0, 64),
        lambda client: client.get_model_repository_index(),
        lambda client: client.load_model("m"),
        lambda client: client.unload_model("m"),
        lambda client: client.get_model_config("m"),
        lambda client: client.get_inference_statistics("m"),
        lambda client: client.get_trace_settings("m"),
        lambda client: client.get_log_settings(),
    ],
)
def test_side_doors_are_closed_and_never_tried(
    client: InferenceServerClient,
    direct: InferenceServerClient,
    upstream: tuple[KServeServer, str],
    use: Callable[[InferenceServerClient], object],
) -> None:
    before = len(upstream[0].paths)
    with pytest.raises(InferenceServerException) as refused:
        use(client)
    assert refused.value.status() == "404"
    assert len(upstream[0].paths) == before
    use(direct)
    assert len(upstream[0].paths) == before + 1


def test_tensors_in_shared_memory_are_refused(client: InferenceServerClient) -> None:
    hidden = InferInput("x", [1, 4], "FP32")
    hidden.set_shared_memory("region", 16)
    with pytest.raises(InferenceServerException, match="shared memory"):
        client.infer("m", [hidden])
    shown = InferRequestedOutput("probabilities")
    shown.set_shared_memory("region", 12)
    with pytest.raises(InferenceServerException, match="shared memory"):
        client.infer("m", [tensor(ROWS)], outputs=[shown])


def test_the_servers_complaint_about_a_request_reaches_the_client(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="unexpected shape"):
        client.infer("m", [tensor(ROWS[:, :3].copy())])


def test_compressed_requests_are_refused_in_words(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer("m", [tensor(ROWS)], request_compression_algorithm="gzip")
    assert refused.value.status() == "415"


def test_rows_of_a_batch_are_charged_each(upstream: tuple[KServeServer, str], tmp_path: Path) -> None:
    with gateway(upstream[1], tmp_path, config=LIMITED) as running, connected(running.url) as client:
        assert scores(client, "m", ROWS[:2].copy()).shape == (2, 3)
        with pytest.raises(InferenceServerException, match="rate limit exceeded") as refused:
            scores(client, "m", ROWS[:2].copy())
        assert refused.value.status() == "429"
        assert scores(client, "m", ROWS[:1].copy()).shape == (1, 3)
