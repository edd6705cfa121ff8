"""The secret: made once, private, never silently replaced."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moatkeeper.errors import StoreError
from moatkeeper.store.secret import FILE_NAME, SECRET_BYTES, load_secret


def test_it_is_made_once_and_then_stays(data: Path) -> None:
    secret = load_secret(data)
    assert len(secret) == SECRET_BYTES
    assert load_secret(data) == secret == (data / FILE_NAME).read_bytes()


def test_only_its_owner_may_read_it_and_no_draft_stays(data: Path) -> None:
    load_secret(data)
    assert stat.S_IMODE((data / FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in data.iterdir()] == [FILE_NAME]


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    assert load_secret(tmp_path / "a") != load_secret(tmp_path / "b")


def test_starters_in_a_race_agree_on_one(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(load_secret, [data] * 16))) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_one_that_others_could_read_is_refused(data: Path, mode: int) -> None:
    load_secret(data)
    (data / FILE_NAME).chmod(mode)
    with pytest.raises(StoreError, match="expected 0600") as caught:
        load_secret(data)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("length", [0, SECRET_BYTES - 1, SECRET_BYTES + 1, 10_000])
def test_one_of_another_length_is_refused(data: Path, length: int) -> None:
    load_secret(data)
    (data / FILE_NAME).write_bytes(bytes(length))
    with pytest.raises(StoreError, match="expected 32 bytes"):
        load_secret(data)


def test_a_missing_one_is_not_made_where_that_was_not_asked(data: Path) -> None:
    with pytest.raises(StoreError):
        load_secret(data, create=False)


def test_a_link_in_its_place_is_not_followed(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(bytes(SECRET_BYTES))
    elsewhere.chmod(0o600)
    (data / FILE_NAME).symlink_to(elsewhere)
    with pytest.raises(StoreError):
        load_secret(data)
