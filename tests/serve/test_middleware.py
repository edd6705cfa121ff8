from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from moatkeeper.serve.middleware import MoatkeeperMiddleware
from moatkeeper.store.ledger_read import entries


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/about")
    def about() -> dict[str, str]:
        return {"page": "about"}

    @app.post("/v1/models/m:predict")
    async def predict(request: Request) -> dict[str, list[list[float]]]:
        rows = (await request.json())["instances"]
        return {"predictions": [[0.847392, 0.152608] for _ in rows]}

    @app.post("/v1/models/broken:predict")
    def broken() -> dict[str, str]:
        raise RuntimeError("a secret detail")

    @app.post("/v1/chat/completions")
    async def chat() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            for word in ("moat", "keeper"):
                yield (
                    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
                    b'"delta":{"content":"%s"},"logprobs":{"content":[{"token":"x","logprob":-0.1,"bytes":null,"top_logprobs":[]}]},'
                    b'"finish_reason":null}]}\n\n' % word.encode()
                )
                await asyncio.sleep(0)
            yield b"data: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    guarded = MoatkeeperMiddleware(application(), data=tmp_path / "data", passes=("/about",))
    with TestClient(guarded, raise_server_exceptions=False) as client:
        yield client


def test_an_application_in_the_same_process_is_guarded(client: TestClient) -> None:
    answer = client.post("/v1/models/m:predict", json={"instances": [[1.0], [2.0]]})
    assert answer.json() == {"predictions": [[0.85, 0.15], [0.85, 0.15]]}


def test_without_the_middleware_the_same_application_tells_everything() -> None:
    answer = TestClient(application()).post("/v1/models/m:predict", json={"instances": [[1.0]]})
    assert answer.json() == {"predictions": [[0.847392, 0.152608]]}


def test_paths_of_no_model_are_refused_unless_they_are_named(client: TestClient) -> None:
    assert client.get("/about").json() == {"page": "about"}
    assert client.get("/docs").status_code == 404


def test_a_failing_application_is_a_plain_error(client: TestClient) -> None:
    answer = client.post("/v1/models/broken:predict", json={"instances": [[1.0]]})
    assert answer.status_code in (500, 502)
    assert "secret detail" not in answer.text


def test_a_streamed_answer_is_minimised_on_its_way(client: TestClient) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "logprobs": True}
    with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        text = "".join(answer.iter_text())
    assert "moat" in text
    assert "[DONE]" in text
    assert '"logprob"' not in text


def test_what_was_served_is_in_the_ledger_after_shutdown(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with TestClient(MoatkeeperMiddleware(application(), data=data)) as client:
        client.post("/v1/models/m:predict", json={"instances": [[1.0]]})
    kinds = [entry.kind for entry in entries(data)]
    assert kinds == ["start", "query", "stop"]
