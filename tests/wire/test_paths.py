from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.wire.paths import MAX_NAME_CHARACTERS, MAX_PATH_CHARACTERS, is_version, model_name, segments


@given(st.text(alphabet="/.%2eE5cC;\\ab ?#\x00é", max_size=40))
def test_a_path_that_two_servers_could_read_differently_has_no_segments(path: str) -> None:
    parts = segments(path)
    if parts:
        assert "/" + "/".join(parts) == path
        assert unquote(path).replace(" ", "%20") == path
        assert not {"", ".", ".."} & set(parts)


@pytest.mark.parametrize(
    "path",
    ["", "/", "//a", "/a//b", "/a/", "a/b", "/a/../b", "/./a", "/a%2Fb", "/a%2e", "/a;b", "/a\\b", "/a b", "/é", "/a\x00"],
)
def test_unusual_spellings_are_no_paths(path: str) -> None:
    assert segments(path) == ()


def test_a_plain_path_is_cut_at_its_slashes() -> None:
    assert segments("/v1/models/my%20model:predict") == ("v1", "models", "my%20model:predict")
    assert segments("/" + "a" * MAX_PATH_CHARACTERS) == ()


def test_a_model_is_named_plainly() -> None:
    assert model_name("my%20model-2.1") == "my model-2.1"
    assert [model_name(odd) for odd in ("", "-x", ".x", "a:b", "a%41", "a" * (MAX_NAME_CHARACTERS + 1))] == [""] * 6


def test_a_version_is_a_number() -> None:
    assert is_version("12")
    assert not any(map(is_version, ("", "-1", "1.0", "٣", "1" * 20)))
