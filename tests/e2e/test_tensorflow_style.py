"""Requests as TensorFlow Serving's documentation shows them, through the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer, probabilities

DECLARED = """
[models.declared.contract]
outputs = ["probabilities"]
"""


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    with serving(TensorFlowServer().app()) as url:
        yield url


@pytest.fixture(scope="module")
def guarded(direct: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with gateway(direct, tmp_path_factory.mktemp("tensorflow"), config=DECLARED) as running:
        yield running


def both(direct: str, guarded: RunningGateway, path: str, body: object) -> tuple[object, object]:
    """The bare and the guarded answer to one request."""
    answers = [httpx.post(url + path, json=body, timeout=20) for url in (direct, guarded.url)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    return answers[0].json(), answers[1].json()


def test_rows_of_plain_numbers_are_predicted(direct: str, guarded: RunningGateway) -> None:
    true, shown = both(direct, guarded, "/v1/models/half_plus_two:predict", {"instances": [1.0, 2.0, 5.0]})
    assert true == shown == {"predictions": [2.5, 3.0, 4.5]}


@pytest.mark.parametrize("place", ["", "/versions/1", "/labels/stable"])
def test_rows_are_predicted_at_two_decimals_by_model_version_and_label(
    direct: str, guarded: RunningGateway, place: str
) -> None:
    body = {"signature_name": "serving_default", "instances": [[1.2345], [-0.2]]}
    true, shown = both(direct, guarded, f"/v1/models/classifier{place}:predict", body)
    assert true == {"predictions": [probabilities(1.2345), probabilities(-0.2)]}
    assert shown == {"predictions": [[0.23, 0.77], [0.55, 0.45]]}


def test_named_tensors_by_row_and_by_column_are_predicted(direct: str, guarded: RunningGateway) -> None:
    _, shown = both(direct, guarded, "/v1/models/m:predict", {"instances": [{"x": 4.25}, {"x": -0.2}]})
    assert shown == {
        "predictions": [
            {"probabilities": [0.01, 0.99], "margin": 1.417},
            {"probabilities": [0.55, 0.45], "margin": -0.06667},
        ]
    }
    _, shown = both(direct, guarded, "/v1/models/m:predict", {"inputs": {"x": [4.25, -0.2]}})
    assert shown == {"outputs": {"probabilities": [[0.01, 0.99], [0.55, 0.45]], "margin": [1.417, -0.06667]}}


def test_one_tensor_by_column_is_predicted(direct: str, guarded: RunningGateway) -> None:
    true, shown = both(direct, guarded, "/v1/models/classifier:predict", {"inputs": [[1.2345]]})
    assert true == {"outputs": [probabilities(1.2345)]}
    assert shown == {"outputs": [[0.23, 0.77]]}


def test_binary_values_pass_as_the_documentation_encodes_them(direct: str, guarded: RunningGateway) -> None:
    body = {"instances": [{"image": {"b64": "aGVsbG8="}, "caption": "seaside"}]}
    true, shown = both(direct, guarded, "/v1/models/m:predict", body)
    assert true == shown == {"predictions": [{"probabilities": [0.25, 0.75], "label": "grant"}]}


def test_only_declared_outputs_leave(direct: str, guarded: RunningGateway) -> None:
    for body in ({"instances": [{"x": 1.2345}]}, {"inputs": {"x": [1.2345]}}):
        true, shown = both(direct, guarded, "/v1/models/declared:predict", body)
        assert "margin" in str(true)
        assert "margin" not in str(shown)
        assert "probabilities" in str(shown)


def test_examples_are_classified_and_regressed(direct: str, guarded: RunningGateway) -> None:
    examples = {"context": {"lang": "en"}, "examples": [{"x": 4.25}, {"x": -0.2}]}
    _, classes = both(direct, guarded, "/v1/models/m:classify", examples)
    assert classes == {"result": [[["deny", 0.01], ["grant", 0.99]], [["deny", 0.55], ["grant", 0.45]]]}
    _, values = both(direct, guarded, "/v1/models/m:regress", examples)
    assert values == {"result": [1.417, -0.06667]}


def test_another_head_of_the_model_is_open_only_where_it_is_declared(guarded: RunningGateway) -> None:
    body = {"signature_name": "logits", "instances": [1.0]}
    refused = httpx.post(guarded.url + "/v1/models/m:predict", json=body)
    assert (refused.status_code, refused.json()) == (400, {"error": "signature_name is not one that is offered here"})


def test_the_status_of_a_model_is_told_and_its_signatures_are_not(direct: str, guarded: RunningGateway) -> None:
    assert httpx.get(guarded.url + "/v1/models/m").json() == httpx.get(direct + "/v1/models/m").json()
    assert "signature_def" in httpx.get(direct + "/v1/models/m/metadata").text
    assert "signature_def" not in httpx.get(guarded.url + "/v1/models/m/metadata").text


def test_the_servers_complaint_about_a_request_keeps_its_words_and_its_shape(direct: str, guarded: RunningGateway) -> None:
    refused = httpx.post(guarded.url + "/v1/models/m:predict", json={"rows": [1.0]})
    assert (refused.status_code, list(refused.json())) == (400, ["error"])


def test_forms_of_the_same_path_do_not_slip_past(guarded: RunningGateway) -> None:
    for path in ("/v1/models/m:explain", "/v1/models/m:Predict", "/v1/models/m/versions/x:predict", "/v1/models/m:predict/"):
        assert httpx.post(guarded.url + path, json={"instances": [1.0]}).status_code in (404, 405)
