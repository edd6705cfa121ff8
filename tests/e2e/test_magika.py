"""Google's Magika, a real deep model of file types, as a small API of one's own behind the gateway (`make test-llm`)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from tests.support.servers import RunningGateway, gateway, serving

pytestmark = pytest.mark.llm

CONFIG = """
[[wire.generic]]
match = "POST /identify"
model = "magika"
input = "$.files[*]"
label = "$.results[*].label"
scores = "$.results[*].score"
"""
FILES = {
    "python": b"import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n\n\nif __name__ == '__main__':\n    main()\n",
    "jsonl": b'{"name": "moat", "depth": 3, "drawbridge": [true, false, null]}\n',
    "html": b"<!doctype html><html><head><title>x</title></head><body><p>hello</p></body></html>",
}


class Files(BaseModel):
    """Contents of files, in base64."""

    files: list[str]


def application() -> FastAPI:
    """Magika behind two lines of FastAPI."""
    magika = pytest.importorskip("magika").Magika()
    app = FastAPI()

    @app.post("/identify")
    def identify(asked: Files) -> dict[str, object]:
        found = [magika.identify_bytes(base64.b64decode(content)) for content in asked.files]
        results = [
            {"label": str(one.output.label), "score": one.score, "raw": str(one.dl.label), "mime": one.output.mime_type}
            for one in found
        ]
        return {"results": results}

    return app


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, RunningGateway]]:
    with serving(application()) as url, gateway(url, tmp_path_factory.mktemp("magika"), config=CONFIG) as running:
        yield url, running


def ask(url: str) -> list[dict[str, object]]:
    """What the model says of the files."""
    body = {"files": [base64.b64encode(content).decode() for content in FILES.values()]}
    answer = httpx.post(url + "/identify", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, object]] = answer.json()["results"]
    return results


def test_labels_stay_scores_are_rounded_and_nothing_else_leaves(pair: tuple[str, RunningGateway]) -> None:
    true, shown = ask(pair[0]), ask(pair[1].url)
    assert [result["label"] for result in shown] == [result["label"] for result in true] == list(FILES)
    assert all(result.keys() == {"label", "score"} for result in shown)
    for bare, given in zip(true, shown, strict=True):
        assert float(str(given["score"])) == pytest.approx(float(str(bare["score"])), abs=0.0101)
        assert len(str(given["score"])) <= len("0.99")
    assert any(len(str(result["score"])) > len("0.99") for result in true)


def test_each_file_is_a_row(pair: tuple[str, RunningGateway], tmp_path: Path) -> None:
    limited = CONFIG + (
        '[limits]\nmode = "enforce"\ndefault_tier = "small"\n'
        '[tiers.small]\nlimits = [{ scope = "account", unit = "rows", amount = 4 }]\n'
    )
    with gateway(pair[0], tmp_path, config=limited) as running:
        assert len(ask(running.url)) == len(FILES)
        refused = httpx.post(running.url + "/identify", json={"files": ["YQ=="] * 2}, timeout=30)
        assert refused.status_code == 429
