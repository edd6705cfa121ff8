"""Every form of log through the same doors: recognised by itself, read whole, and sorted by account and time."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.store.logs.gather import Gathering
from moatkeeper.store.logs.parts import Gathered, gathered, seen
from moatkeeper.store.logs.registry import FORMS, form_named, form_of
from tests.support.logs import MODEL, WITH_NUMBERS, WITH_TEXTS, WITHOUT_ACCOUNT, WRITERS, Call, calls, rows_of, write


def read(file: Path) -> tuple[Gathering, list[Gathered]]:
    """What a log holds, and the gathering it was read with (closed)."""
    with Gathering() as gathering:
        gathering.read([file])
        return gathering, [one for heap in gathering.heaps for job in gathering.jobs(heap) for one in gathered(job)]


def test_every_form_has_a_writer_here() -> None:
    assert set(WRITERS) == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_a_log_of_every_form_is_recognised_and_read_whole(form: str, tmp_path: Path) -> None:
    found = calls()
    gathering, (one,) = read(write(form, found, tmp_path))
    assert [known.name for known in gathering.forms] == [form]
    assert (gathering.tally.exchanges, gathering.tally.broken, gathering.tally.nobodys) == (len(found), 0, 0)
    ordered = sorted(found, key=lambda call: (call.account, call.at))
    assert np.allclose(one.batch.at, [call.at for call in ordered], atol=1e-3)
    assert len(one.batch.names) == len({call.account for call in found})
    assert one.totals.tolist() == [10, 10, 10, 10]
    assert MODEL in gathering.heaps[0].model or form == "columns"


@pytest.mark.parametrize("form", sorted(WITH_NUMBERS))
def test_rows_and_answers_come_out_as_they_were_asked_and_answered(form: str, tmp_path: Path) -> None:
    found = calls()
    _, (one,) = read(write(form, found, tmp_path))
    assert one.batch.inputs is not None
    assert one.batch.scores is not None
    assert np.array_equal(one.batch.inputs, rows_of(found))
    ordered = sorted(found, key=lambda call: (call.account, call.at))
    assert np.allclose(one.batch.scores, [[1 - call.score, call.score] for call in ordered])
    assert one.batch.names == tuple(sorted({call.account for call in found}))


@pytest.mark.parametrize("form", sorted(WITH_TEXTS))
def test_chats_come_out_as_the_last_message_with_turns_and_tokens(form: str, tmp_path: Path) -> None:
    found = calls()
    _, (one,) = read(write(form, found, tmp_path))
    assert one.batch.texts == tuple(call.text for call in sorted(found, key=lambda call: (call.account, call.at)))
    assert one.batch.tokens is not None
    assert one.batch.turns is not None
    assert set(one.batch.tokens.tolist()) == {10}
    assert set(one.batch.turns.tolist()) == ({1} if form == "litellm" else {2})
    assert one.batch.systems is None if form == "payloads" else one.batch.systems is not None


@pytest.mark.parametrize("form", sorted(WITHOUT_ACCOUNT))
def test_a_log_without_accounts_takes_addresses_and_says_so(form: str, tmp_path: Path) -> None:
    gathering, (one,) = read(write(form, calls(), tmp_path))
    assert one.batch.names == tuple(f"address 10.0.0.{number}" for number in range(1, 5))
    assert gathering.tally.nameless == 40
    assert one.batch.texts is None
    assert one.batch.inputs is not None
    # Nothing is known of what was asked, so no call counts as an earlier one again.
    assert sorted(one.batch.inputs[:, 0].tolist()) == list(range(40))


def test_lines_may_be_compressed_and_stand_in_several_files_and_an_array(tmp_path: Path) -> None:
    found = calls()
    plain = write("moatkeeper", found[:20], tmp_path)
    content = plain.read_bytes().replace(b'"r', b'"again-')
    (tmp_path / "second.jsonl.gz").write_bytes(gzip.compress(content))
    (tmp_path / "third.json").write_bytes(b"[\n " + b",\n ".join(content.replace(b"again", b"third").splitlines()) + b"\n]")
    with Gathering() as gathering:
        gathering.read([tmp_path])
        assert gathering.tally.exchanges == 60
        (heap,) = gathering.heaps
        (one,) = [one for job in gathering.jobs(heap) for one in gathered(job)]
        assert one.duplicates == 0
        assert len(one.batch) == 60


def test_what_accounts_were_seen_with_is_kept(tmp_path: Path) -> None:
    with Gathering() as gathering:
        gathering.read([write("moatkeeper", calls(), tmp_path)])
        found = seen(gathering.folder, 0, 128)
    assert found.accounts == tuple(f"customer-{number}" for number in range(4))
    assert found.keys == tuple(f"key of customer-{number}" for number in range(4))
    assert set(found.addresses) == {"198.51.100.7"}


def test_a_logged_credential_does_not_come_out_again(tmp_path: Path) -> None:
    with Gathering() as gathering:
        gathering.read([write("kserve", calls(), tmp_path)])
        found = seen(gathering.folder, 0, 128)
    assert all(found.keys)
    assert not any("secret" in key for key in found.keys)


def test_records_of_no_known_form_are_refused_with_what_was_found() -> None:
    with pytest.raises(UsageError, match="found a, b; expected a log of one of these forms: moatkeeper, litellm"):
        form_of([{"a": 1, "b": 2}], "log.jsonl")
    with pytest.raises(UsageError, match="no readable line"):
        form_of([], "log.jsonl")
    with pytest.raises(UsageError, match="'splunk' is not known"):
        form_named("splunk")


def test_a_kserve_event_without_its_other_half_is_counted(tmp_path: Path) -> None:
    file = write("kserve", calls(), tmp_path)
    kept = [line for line in file.read_text().splitlines() if '"ce-3"' not in line or "inference.response" in line]
    kept += [kept[0]]  # an event that was delivered twice
    file.write_text("\n".join(kept))
    gathering, (one,) = read(file)
    assert gathering.tally.exchanges == 39
    assert gathering.tally.broken == 1
    assert "response event without its request event" in gathering.tally.faults[0].why
    assert len(one.batch) == 39


def test_a_request_event_without_a_response_still_says_what_was_asked(tmp_path: Path) -> None:
    found: list[Call] = calls(8, 1)
    file = write("kserve", found, tmp_path)
    file.write_text("\n".join(line for line in file.read_text().splitlines() if '"ce-3"' not in line or "request" in line))
    _, (one,) = read(file)
    assert one.batch.scores is not None
    assert np.isnan(one.batch.scores[3]).all()
    assert np.isfinite(np.delete(one.batch.scores, 3, axis=0)).all()
