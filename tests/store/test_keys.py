"""API keys: shown once, stored as digests, checked alike whether they exist or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.caller import Account
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store import keys as module
from moatkeeper.store.keys import Keys, NewKey
from moatkeeper.store.ledger_read import entries, verify
from moatkeeper.store.secret import FILE_NAME as SECRET_FILE

NOW = 1_000.0


def make(keys: Keys, account: str = "acme", expires: float | None = None) -> NewKey:
    return keys.add(account, "group", "free", "label", expires, who="tester", at=NOW)


def test_a_new_key_is_known_by_its_plain_text_and_by_nothing_near_it(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
        presented = new.plaintext.encode()
        assert keys.check(presented, NOW) == new.record
        for position in range(len(presented)):
            changed = presented[:position] + b"?" + presented[position + 1 :]
            assert keys.check(changed, NOW) is None
        assert keys.check(presented + b"a", NOW) is None
        assert keys.check(presented[:-1], NOW) is None


def test_a_key_has_a_public_id_and_160_secret_bits(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
    assert re.fullmatch(r"mk_[a-z2-7]{8}_[a-z2-7]{32}", new.plaintext)
    assert new.plaintext.split("_")[1] == new.record.id
    assert new.record.account == Account("acme", "group", "free")


@given(presented=st.binary(max_size=60))
def test_nothing_made_up_is_a_key(tmp_path_factory: pytest.TempPathFactory, presented: bytes) -> None:
    with Keys.open(tmp_path_factory.getbasetemp() / "made-up") as keys:
        if not len(keys):
            make(keys)
        assert keys.check(presented, NOW) is None


def test_the_secret_of_a_key_is_nowhere_on_the_disk(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
        secret = new.plaintext.split("_")[2].encode()
        kept = {file.name: file.read_bytes() for file in data.iterdir()}
    kept |= {file.name + " at rest": file.read_bytes() for file in data.iterdir()}
    assert [name for name, content in kept.items() if secret in content] == []
    # The control: the search does find what is kept in plain text.
    assert any(new.record.id.encode() in content for content in kept.values())


def test_every_way_to_be_wrong_compares_one_digest_of_the_whole_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Keys.open(data) as keys:
        valid, revoked, expired = make(keys), make(keys), make(keys, expires=NOW + 1)
        keys.revoke(revoked.record.id, at=NOW)
        compared: list[tuple[int, int]] = []

        def same(a: bytes, b: bytes) -> bool:
            compared.append((len(a), len(b)))
            return a == b

        monkeypatch.setattr(module, "same_digest", same)
        unknown = b"mk_aaaaaaaa_" + b"a" * 32
        for presented in (revoked.plaintext.encode(), unknown, valid.plaintext.encode()[:-1] + b"?", b"", b"x"):
            assert keys.check(presented, NOW) is None
        assert keys.check(expired.plaintext.encode(), NOW + 1) is None
        assert keys.check(valid.plaintext.encode(), NOW) is not None
    assert compared == [(16, 16)] * 7


def test_a_check_that_returned_early_for_unknown_ids_would_be_noticed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The control of the test above: an implementation that looks up first and compares only what it found.
    compared: list[bytes] = []

    def same(a: bytes, b: bytes) -> bool:
        compared.append(a)
        return a == b

    monkeypatch.setattr(module, "same_digest", same)

    class Hasty(Keys):
        def check(self, presented: bytes, at: float) -> module.KeyRecord | None:
            return super().check(presented, at) if presented[3:11] in self._valid else None

    with Hasty.open(data) as keys:
        assert keys.check(b"mk_aaaaaaaa_" + b"a" * 32, NOW) is None
    assert compared == []


def test_an_expired_key_ends_at_its_time_and_not_before(data: Path) -> None:
    with Keys.open(data) as keys:
        presented = make(keys, expires=NOW + 10).plaintext.encode()
        assert keys.check(presented, NOW + 9.9) is not None
        assert keys.check(presented, NOW + 10) is None


def test_a_revoked_key_is_refused_at_once_stays_listed_and_stays_revoked(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
        first = keys.revoke(new.record.id, at=NOW + 5)
        assert keys.revoke(new.record.id, at=NOW + 9) == first
        assert keys.check(new.plaintext.encode(), NOW) is None
        assert list(keys.list()) == [first]
        assert (first.revoked, len(keys)) == (NOW + 5, 0)


def test_another_process_learns_of_new_and_of_revoked_keys(data: Path) -> None:
    with Keys.open(data) as gateway, Keys.open(data) as command:
        new = make(command)
        presented = new.plaintext.encode()
        assert gateway.check(presented, NOW) is None
        assert gateway.refresh()
        assert gateway.check(presented, NOW) == new.record
        assert not gateway.refresh()
        command.revoke(new.record.id)
        assert gateway.refresh()
        assert gateway.check(presented, NOW) is None


def test_keys_outlive_the_process(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
    with Keys.open(data) as keys:
        assert keys.check(new.plaintext.encode(), NOW) == new.record


def test_each_change_is_in_the_ledger_without_the_key(data: Path) -> None:
    with Keys.open(data) as keys:
        new = make(keys)
        keys.revoke(new.record.id, who="tester", at=NOW + 1)
    found = list(entries(data))
    assert [(entry.kind, entry.fields["key"], entry.fields["who"]) for entry in found] == [
        ("key.add", new.record.id, "tester"),
        ("key.revoke", new.record.id, "tester"),
    ]
    assert verify(data).count == 2


def test_an_id_that_is_taken_is_drawn_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Keys.open(data) as keys:
        first = make(keys)
        draw, draws = module._draw, [first]
        monkeypatch.setattr(module, "_draw", lambda *words: draws.pop() if draws else draw(*words))
        second = make(keys, "other")
        assert second.record.id != first.record.id
        assert keys.check(first.plaintext.encode(), NOW) == first.record


@pytest.mark.parametrize("name", ["", "a" * 129, "line\nbreak", "\x1f", "\ud800", "nul\0"])
def test_account_names_that_do_not_print_or_do_not_end_are_refused(data: Path, name: str) -> None:
    with Keys.open(data) as keys:
        with pytest.raises(UsageError, match="account"):
            keys.add(name)
        assert list(keys.list()) == []


def test_a_key_that_would_be_expired_at_birth_is_refused(data: Path) -> None:
    with Keys.open(data) as keys, pytest.raises(UsageError, match="expired"):
        make(keys, expires=NOW)


def test_an_unknown_id_cannot_be_revoked(data: Path) -> None:
    with Keys.open(data) as keys, pytest.raises(UsageError, match="no key has the id"):
        keys.revoke("nobody")


def test_keys_without_the_secret_they_were_made_with_are_refused_not_forgotten(data: Path) -> None:
    with Keys.open(data) as keys:
        make(keys)
    (data / SECRET_FILE).unlink()
    with pytest.raises(StoreError, match="another secret"):
        Keys.open(data)
