from __future__ import annotations

import sys
from pathlib import Path

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.targets.function import is_function, load_function


@pytest.mark.parametrize(
    ("spec", "function"),
    [
        *((spec, True) for spec in ("a.b:c", "a.py:c", "/x/a.py:c.d")),
        *((spec, False) for spec in ("model.onnx", "http://127.0.0.1:80", "a:", ":c", "a:3", "https://h:1/x:predict")),
    ],
)
def test_a_function_is_told_from_files_and_addresses(spec: str, function: bool) -> None:
    assert is_function(spec) is function


def test_a_function_is_found_in_a_module_in_a_file_and_in_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_victim.py").write_text("class M:\n    def predict(self, x):\n        return x\nmodel = M()\n")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert load_function("my_victim:model.predict")(3) == 3
    assert load_function(f"{tmp_path}/my_victim.py:model.predict")(3) == 3
    assert sys.path == path


@pytest.mark.parametrize("spec", ["no_such_module:f", "math:no_such", "math:pi", "none.py:f", "broken.py:f"])
def test_what_cannot_be_had_is_a_mistake_of_the_operator(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        load_function(spec)
