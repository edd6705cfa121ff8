"""Paths lead to formats: one format a path, the same route every time, nothing for the rest."""

from __future__ import annotations

import pytest

from moatkeeper.errors import MethodRefused, RouteRefused
from moatkeeper.wire.registry import FORMATS, default_formats, resolve

FORMATS_IN_USE = default_formats()


@pytest.mark.parametrize(
    ("path", "name", "model"),
    [
        ("/v1/models/m:predict", "tensorflow", "m"),
        ("/v1/models/my%20model:predict", "tensorflow", "my model"),
        ("/v2/models/m/infer", "kserve", "m"),
        ("/v2/models/m/versions/v1.2/infer", "kserve", "m"),
        ("/v1/chat/completions", "openai", ""),
        ("/invocations", "mlflow", ""),
    ],
)
def test_a_path_leads_to_its_format_and_model(path: str, name: str, model: str) -> None:
    wire, route = resolve(FORMATS_IN_USE, "POST", path)
    assert (wire.name, route.format, route.model) == (name, name, model)


def test_every_format_goes_by_its_registered_name() -> None:
    assert [build().name for build in FORMATS.values()] == list(FORMATS)


def test_a_refused_path_is_not_remembered() -> None:
    before = resolve.cache_info().currsize
    for number in range(10):
        with pytest.raises(RouteRefused):
            resolve(FORMATS_IN_USE, "POST", f"/nowhere/{number}")
    assert resolve.cache_info().currsize == before
    assert resolve.cache_info().maxsize is not None


def test_a_format_that_is_switched_off_opens_no_path() -> None:
    only = tuple(wire for wire in FORMATS_IN_USE if wire.name == "mlflow")
    with pytest.raises(RouteRefused):
        resolve(only, "POST", "/v2/models/m/infer")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", ""])
def test_a_declared_path_refuses_other_methods(method: str) -> None:
    with pytest.raises(MethodRefused):
        resolve(FORMATS_IN_USE, method, "/v2/models/m/infer")
