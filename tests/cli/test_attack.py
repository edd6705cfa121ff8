"""``moatkeeper attack`` through the front door: what it prints and writes, what it refuses, how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from moatkeeper.cli.attack_options import read_keys, wire_of
from moatkeeper.cli.attack_plans import every_card
from moatkeeper.cli.main import main
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.registry import CHAT_ATTACKS, ROW_ATTACKS, TEXT_ATTACKS, TOKEN_ATTACKS
from moatkeeper.store.ledger_read import entries
from tests.support.predictions import predicting

ROWS = np.random.default_rng(0).normal(size=(120, 3))
VICTIM = """
import numpy as np
asked = [0]
def predict(rows):
    asked[0] += len(rows)
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])
def lone(rows):
    return predict(rows)[:, 1]
def value(rows):
    return rows.sum(axis=1)
def nonsense(rows):
    return ["?"] * len(rows)
def late_nonsense(rows):
    return predict(rows) if asked[0] < 4 else np.full((len(rows), 2), np.nan)
def changing(rows):
    return predict(rows) if asked[0] < 4 else predict(rows)[:, [0, 1, 1]]
def stopped(rows):
    if asked[0] >= 30:
        raise KeyboardInterrupt
    return predict(rows)
"""


def model(rows: FloatArray) -> FloatArray:
    """What VICTIM computes."""
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])


class Ran:
    """What one command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Attack = Callable[..., Ran]


@pytest.fixture
def attack(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attack:
    """Runs ``moatkeeper attack`` in a folder with a victim and a pool."""
    (tmp_path / "victim.py").write_text(VICTIM)
    lines = ["a,b,c,bad", *(f"{','.join(map(repr, row))},{int(sum(row) > 0)}" for row in ROWS.tolist())]
    (tmp_path / "pool.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)

    def ran(*words: str) -> Ran:
        with pytest.raises(SystemExit) as caught:
            main(["attack", *words])
        out = capsys.readouterr()
        return Ran(int(str(caught.value.code or 0)), out.out, out.err)

    return ran


def words(function: str = "predict", *more: str, budget: str = "20") -> list[str]:
    """A whole attack on a function of the victim."""
    victim = f"victim.py:{function}" if "://" not in function else function
    pool = ["--pool", "pool.csv", "--outcome", "bad"]
    return ["run", "equations", "--victim", victim, *pool, "--budget", budget, "--seeds", "2", *more]


def document(path: Path) -> Mapping[str, object]:
    """The findings in a file."""
    return cast(Mapping[str, object], json.loads(path.read_text()))


def fidelity(path: Path) -> float:
    """The mean on the highest rung of the first curve."""
    curves = cast(list[Mapping[str, Mapping[str, float]]], document(path)["curves"])
    return curves[0]["fidelity"]["mean"]


def test_the_list_names_every_registered_attack_with_what_it_needs_and_its_source(attack: Attack) -> None:
    names = {*ROW_ATTACKS, *TEXT_ATTACKS, *TOKEN_ATTACKS, *CHAT_ATTACKS}
    listed = json.loads(attack("list", "--json").out)
    assert names <= {one["name"] for one in listed}
    assert all(one["modality"] and one["needs"] and one["source"] for one in listed)
    text = attack("list").out
    assert all(card.name in text for card in every_card())


def test_a_function_is_stolen_and_told_as_table_file_and_page(attack: Attack, tmp_path: Path) -> None:
    ran = attack(*words("predict", "--json", "f.json", "--html", "f.html"))
    assert ran.code == 0, ran.err
    assert "PRICE OF A COPY" in ran.out
    assert ran.err == "", "nothing but the result where no terminal watches"
    assert fidelity(tmp_path / "f.json") == 1.0
    assert "<svg" in (tmp_path / "f.html").read_text()
    baselines = cast(Mapping[str, float], document(tmp_path / "f.json")["baselines"])
    assert len(baselines) == 2
    assert max(baselines.values()) < 1.0


def test_the_findings_can_be_printed_as_json(attack: Attack) -> None:
    assert json.loads(attack(*words("predict", "--json", "-")).out)["format"] == "moatkeeper-attack-1"


def test_a_lone_score_is_two_classes_and_values_are_judged_by_what_they_explain(attack: Attack) -> None:
    assert attack(*words("lone")).code == 0
    refused = attack(*words("value"))
    assert refused.code == 2
    assert "--task" in refused.err
    assert "R²" in attack(*words("value", "--task", "values")).out


def test_fewer_decimals_and_labels_only_make_the_copy_worse_and_stand_on_one_page(attack: Attack, tmp_path: Path) -> None:
    for name, option in (("bare", []), ("one", ["--decimals", "0"]), ("labels", ["--labels-only"])):
        assert attack(*words("predict", *option, "--json", f"{name}.json")).code == 0
    assert fidelity(tmp_path / "bare.json") > fidelity(tmp_path / "labels.json")
    ran = attack("report", "bare.json", "labels.json", "--html", "all.html", "--json", "all.json")
    assert ran.code == 0, ran.err
    assert "LABELS ONLY" in ran.out
    assert len(cast(list[object], document(tmp_path / "all.json")["curves"])) == 2
    assert (tmp_path / "all.html").read_text().count('class="line c1"') >= 2


def test_prices_are_the_operators(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("per_row = 2\nper_account = 5.5\n")
    assert attack(*words("predict", "--prices", "prices.toml", "--json", "f.json")).code == 0
    curves = cast(list[Mapping[str, list[Mapping[str, Mapping[str, float]]]]], document(tmp_path / "f.json")["curves"])
    assert curves[0]["rungs"][-1]["money"]["mean"] == 20 * 2 + 5.5
    (tmp_path / "prices.toml").write_text("per_row = -2")
    assert attack(*words("predict", "--prices", "prices.toml")).code == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ["run", "equatoins", "--victim", "victim.py:predict", "--pool", "pool.csv", "--budget", "9"],
            "Did you mean equations",
        ),
        (["run", "xyzzy", "--victim", "victim.py:predict", "--pool", "pool.csv", "--budget", "9"], "attack list"),
        (words(budget="0"), "at least 1 query"),
        (words(budget="-5"), "at least 1 query"),
        (words("predict", "--rungs", "5,50"), "hard limit"),
        (words("predict", "--rungs", "5,x"), "whole number"),
        (words("no_such"), "no function"),
        (words("http://models.example.com"), "no statement of ownership"),
        (words("predict", "--truth", "http://models.example.com"), "no statement of ownership"),
        (words("predict", "--pool", "none.csv"), "none.csv"),
        (words("predict", "--html", "none/f.html"), "no such folder"),
        (words("predict", "--wire", "nonsense=3"), "KEY=VALUE"),
        (words("predict", "--resume", "none.journal"), "none.journal"),
        (words("predict", "--key-file", "none.keys"), "none.keys"),
        (words("http://127.0.0.1:9", "--decimals", "2"), "gateway"),
        (["run", "equations", "--victim", "none.onnx", "--pool", "pool.csv", "--budget", "9"], "no such file"),
        (["run", "equations", "--victim", "victim.py:predict", "--budget", "9"], "--pool"),
        (["run", "equations", "--pool", "pool.csv", "--budget", "9"], "--victim"),
        (["report", "none.json"], "none.json"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_asked(attack: Attack, wrong: list[str], told: str) -> None:
    ran = attack(*wrong)
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert ran.out == ""


def test_a_pool_with_the_wrong_columns_is_refused(attack: Attack) -> None:
    skops_io = pytest.importorskip("skops.io")
    linear = pytest.importorskip("sklearn.linear_model")
    skops_io.dump(linear.LogisticRegression().fit(ROWS, ROWS[:, 0] > 0), "m.skops")
    wrong = ["run", "equations", "--victim", "m.skops", "--pool", "pool.csv", "--budget", "9"]
    ran = attack(*wrong)
    assert ran.code == 2
    assert "found 4 columns, expected the 3 of the victim" in ran.err
    assert attack(*wrong, "--outcome", "bad").code == 0


def test_a_victim_of_nonsense_is_refused_where_even_the_judge_gets_no_truth(attack: Attack) -> None:
    ran = attack(*words("nonsense"))
    assert ran.code == 2
    assert "--labels" in ran.err


@pytest.mark.parametrize(("function", "told"), [("late_nonsense", "NaN"), ("changing", "classes have changed")])
def test_a_victim_that_turns_to_nonsense_ends_the_run_with_what_was_learned(
    attack: Attack, tmp_path: Path, function: str, told: str
) -> None:
    ran = attack(*words(function, "--truth", "victim.py:predict", "--rungs", "4,8", "--json", "f.json"))
    assert ran.code == 1, ran.err + ran.out
    assert told in " ".join(ran.out.split())
    assert told in str(document(tmp_path / "f.json")["ended"])


def test_a_run_is_gone_on_with_by_its_journal_alone_and_another_theft_is_refused(attack: Attack, tmp_path: Path) -> None:
    asked = []

    def answering(rows: FloatArray, key: str) -> FloatArray:
        asked.append(len(rows))
        return model(rows)

    with predicting(answering) as url:
        truth = ["--truth", "victim.py:predict"]
        assert attack(*words(url, *truth, "--journal", "j", "--json", "1.json")).code == 0
        assert sum(asked) == 40
        assert attack(*words(url, *truth, "--resume", "j", "--json", "2.json")).code == 0
        assert sum(asked) == 40, "all answers were in the journal"
        assert fidelity(tmp_path / "1.json") == fidelity(tmp_path / "2.json")
        assert attack(*words(url, *truth, "--resume", "j", budget="30")).code == 0
        assert sum(asked) == 60
        assert attack(*words(url, *truth, "--journal", "j")).code == 2
        for other in (["--seed", "1"], ["--model", "other"]):
            ran = attack(*words(url, *truth, "--resume", "j", *other))
            assert ran.code == 2
            assert "another" in ran.err


def test_ctrl_c_leaves_the_scores_up_to_then(attack: Attack, tmp_path: Path) -> None:
    stop = ["--truth", "victim.py:predict", "--rungs", "5,10", "--json", "f.json", "--html", "f.html"]
    ran = attack(*words("stopped", *stop))
    assert ran.code == 130
    assert "INTERRUPTED" in ran.out
    assert document(tmp_path / "f.json")["interrupted"] is True
    curves = cast(list[Mapping[str, list[list[Mapping[str, int]]]]], document(tmp_path / "f.json")["curves"])
    assert [[score["budget"] for score in scores] for scores in curves[0]["scores"]] == [[5, 10, 20], [5, 10]]
    assert "interrupted" in (tmp_path / "f.html").read_text()


def test_accounts_are_dealt_out_among_seeds_and_refusals_are_told(attack: Attack, tmp_path: Path) -> None:
    left = {"k1": 12, "k2": 12, "k3": 12, "k4": 0}
    used: list[str] = []

    def answering(rows: FloatArray, key: str) -> FloatArray | None:
        used.append(key)
        left[key] -= len(rows)
        return model(rows) if left[key] >= 0 else None

    (tmp_path / "keys").write_text("k1\nk2\nk3\nk4\n")
    with predicting(answering) as url:
        truth = ["--truth", "victim.py:predict", "--key-file", "keys", "--rungs", "10,20", "--json", "f.json"]
        ran = attack(*words(url, *truth))
    assert ran.code == 0, ran.err
    assert set(used) == {"k1", "k2", "k3", "k4"}
    text = (tmp_path / "f.json").read_text()
    assert not re.search(r"\bk[1-4]\b", text + ran.out), "keys are in no report"
    curves = cast(list[Mapping[str, list[list[Mapping[str, int]]]]], document(tmp_path / "f.json")["curves"])
    assert [scores[-1]["queries"] for scores in curves[0]["scores"]] == [20, 10]


def test_an_attack_on_another_machine_needs_a_statement_and_is_written_to_the_ledger(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("We own models.invalid and may test it.")
    away = ["--timeout", "1", "--truth", "victim.py:predict"]
    ran = attack(*words("http://user:pw@models.invalid:9", "--ownership", "own.txt", "--data", "d", *away))
    assert ran.code == 1
    assert "no answer from models.invalid" in ran.out
    (record,) = entries(tmp_path / "d", kind="attack")
    assert record.fields["target"] == "http://models.invalid:9"
    assert record.fields["budget"] == 20
    assert "pw" not in json.dumps(dict(record.fields))
    (tmp_path / "c.toml").write_text('[redteam]\nownership = "we own models.invalid too"')
    assert attack(*words("http://models.invalid:9", "--config", "c.toml", "--data", "d", *away)).code == 1
    assert len(list(entries(tmp_path / "d", kind="attack"))) == 2
    assert attack(*words("http://other.invalid:9", "--config", "c.toml", "--data", "d", *away)).code == 2


def test_an_attack_on_this_machine_leaves_no_record(attack: Attack, tmp_path: Path) -> None:
    assert attack(*words("predict", "--data", "d")).code == 0
    assert not (tmp_path / "d").exists()


def test_keys_and_vocabularies_are_read_from_files_only(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a\n\nb\na\n")
    assert read_keys(tmp_path / "keys") == ("a", "b")
    assert read_keys(None) == ("",)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(UsageError):
        read_keys(tmp_path / "empty")
    (tmp_path / "tokens").write_text(" the\n\\n\n")
    wire = wire_of("openai-completions", [f"tokens={tmp_path / 'tokens'}", "shown=5"], "a, b")
    assert (wire.tokens, wire.shown, wire.labels) == ((" the", "\n"), 5, ("a", "b"))


GUARD = """
[limits]
mode = "enforce"
default_tier = "default"

[tiers.default]
limits = [{ scope = "account", unit = "rows", amount = 10, per = "day" }]
contract = { decimals = 1 }
"""


def test_a_guard_on_a_simulated_clock_makes_the_thief_wait_and_shows_him_less(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "guard.toml").write_text(GUARD)
    behind = ["--guarded-by", "guard.toml", "--rungs", "20", "--json", "f.json"]
    assert attack(*words("predict", *behind)).code == 0
    (alone, _) = cast(list[list[Mapping[str, Mapping[str, float]]]], curve_of(tmp_path / "f.json")["scores"])
    assert alone[-1]["spent"]["elapsed_s"] > 40_000, "ten rows a day: the last of twenty comes most of a day later"
    assert alone[-1]["figures"]["total_variation"] > 0.001, "one decimal is not the whole score"
    ran = attack(*words("predict", *behind, "--accounts", "2"))
    assert "2 accounts" in str(curve_of(tmp_path / "f.json")["victim"]), ran.err
    (crew, _) = cast(list[list[Mapping[str, Mapping[str, float]]]], curve_of(tmp_path / "f.json")["scores"])
    assert crew[-1]["spent"]["elapsed_s"] < 4_000
    assert crew[-1]["spent"]["accounts"] == 2
    assert attack(*words("predict", *behind, "--days", "0.01")).code == 0
    (soon, _) = cast(list[list[Mapping[str, int]]], curve_of(tmp_path / "f.json")["scores"])
    assert soon[-1]["queries"] <= 10, "the end in days is hard"


def test_a_guard_guards_no_address_and_no_second_contract_and_needs_its_tier(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "guard.toml").write_text(GUARD)
    behind = ["--guarded-by", "guard.toml"]
    for wrong in (words("http://127.0.0.1:9", *behind), words("predict", *behind, "--decimals", "2")):
        assert attack(*wrong).code == 2
    refused = attack(*words("predict", *behind, "--tier", "none"))
    assert refused.code == 2
    assert "no tier 'none'" in refused.err


def test_a_tactic_is_wrapped_around_the_attack_and_an_unknown_one_refused(attack: Attack, tmp_path: Path) -> None:
    assert attack(*words("predict", "--tactic", "repeat:times=2", "--json", "f.json")).code == 0
    assert curve_of(tmp_path / "f.json")["attack"] == "equations+repeat:times=2"
    assert attack(*words("predict", "--tactic", "nonsense")).code == 2


def curve_of(path: Path) -> Mapping[str, object]:
    """The one curve in a file."""
    return cast(list[Mapping[str, object]], document(path)["curves"])[0]


TEXTS = """
import numpy as np
from moatkeeper.redteam.base import NextToken
WORDS = ("good", "bad", "fine", "poor", "great")
WEIGHTS = np.random.default_rng(0).normal(size=(5, 2))
def count(texts):
    return np.array([[text.split().count(word) for word in WORDS] for text in texts], dtype=float)
def classify(texts):
    powers = np.exp(count(texts) @ WEIGHTS)
    return powers / powers.sum(axis=1, keepdims=True)
def embed(texts):
    return count(texts) @ np.random.default_rng(1).normal(size=(5, 4)) + 0.01
HEAD = np.random.default_rng(2).normal(size=(12, 3))
def log_probabilities(prefixes):
    hidden = np.array([np.random.default_rng(list(p.context)).normal(size=3) for p in prefixes])
    logits = hidden @ HEAD.T + np.array([[p.bias.get(t, 0.0) for t in range(12)] for p in prefixes])
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
def next_token(prefixes):
    shown = log_probabilities(prefixes)
    return [NextToken(int(row.argmax()), dict(enumerate(row.tolist()))) for row in shown]
def answer(prompts):
    return [" ".join(sorted(prompt.split())) for prompt in prompts]
"""


@pytest.fixture
def written(tmp_path: Path) -> None:
    """Models of texts, and what their thieves have."""
    rng = np.random.default_rng(3)
    (tmp_path / "texts.py").write_text(TEXTS)
    lines = [" ".join(rng.choice(["good", "bad", "fine", "poor", "great"], size=4)) for _ in range(200)]
    (tmp_path / "pool.txt").write_text("\n".join(dict.fromkeys(lines)))
    contexts = [rng.integers(0, 12, size=5).tolist() for _ in range(60)]
    (tmp_path / "contexts.jsonl").write_text("\n".join(map(json.dumps, contexts)))


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    ("name", "function", "more"),
    [
        ("domain-corpus", "classify", ["--pool", "pool.txt"]),
        ("linear-map", "embed", ["--pool", "pool.txt", "--encoder", "texts.py:count"]),
        (
            "hidden-size",
            "next_token",
            ["--pool", "contexts.jsonl", "--vocabulary", "12", "--wire", "shown=12", "--truth", "texts.py:log_probabilities"],
        ),
        ("system-prompt", "answer", ["--pool", "pool.txt"]),
    ],
)
def test_models_of_texts_embeddings_tokens_and_chats_are_attacked_too(
    attack: Attack, tmp_path: Path, name: str, function: str, more: list[str]
) -> None:
    ran = attack("run", name, "--victim", f"texts.py:{function}", *more, "--budget", "30", "--seeds", "1", "--json", "f.json")
    assert ran.code == 0, ran.err
    assert 0 <= fidelity(tmp_path / "f.json") <= 1


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    "wrong",
    [
        ["hidden-size", "--pool", "contexts.jsonl", "--vocabulary", "12"],
        ["hidden-size", "--pool", "contexts.jsonl", "--truth", "texts.py:log_probabilities"],
        ["hidden-size", "--pool", "pool.txt", "--vocabulary", "12", "--truth", "texts.py:log_probabilities"],
        ["system-prompt", "--pool", "pool.txt", "--tactic", "labels"],
        ["system-prompt", "--pool", "pool.txt", "--bases", "texts.py:classify"],
        ["domain-corpus", "--pool", "none.txt"],
        ["domain-corpus", "--pool", "pool.txt", "--guarded-by", "guard.toml"],
    ],
)
def test_what_models_of_texts_and_tokens_need_is_asked_for(attack: Attack, wrong: list[str]) -> None:
    function = "next_token" if wrong[0] == "hidden-size" else "classify"
    ran = attack("run", *wrong, "--victim", f"texts.py:{function}", "--budget", "9")
    assert ran.code == 2, ran.err
