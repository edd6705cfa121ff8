"""The official OpenAI client through the gateway: it works as ever, and what a copy is trained on best stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent, ResponseTextDoneEvent

from tests.support.commands import add_key
from tests.support.openai_server import ALWAYS, LEAKS, PROMPT_TOKENS, STEPWISE, WORDS, OpenAIServer, embedding
from tests.support.servers import RunningGateway, gateway, serving

TEXT = "".join(WORDS)
ASK: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "what does a moat do?"}]

STRICT = """
[identity]
mode = "required"

[limits]
mode = "enforce"
default_tier = "small"

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 2 }]

[tiers.thrifty]
limits = [{ scope = "account", unit = "tokens", amount = 2000 }]
"""

PROMISED = """
[tiers.free.contract]
log_probabilities = true
top_log_probabilities = 1
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[OpenAIServer, str]]:
    server = OpenAIServer()
    with serving(server.app()) as url:
        yield server, url


@pytest.fixture(scope="module")
def guarded(upstream: tuple[OpenAIServer, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with gateway(upstream[1], tmp_path_factory.mktemp("openai")) as running:
        yield running


@pytest.fixture(scope="module")
def client(guarded: RunningGateway) -> Iterator[openai.OpenAI]:
    with connected(guarded.url) as client:
        yield client


@pytest.fixture(scope="module")
def direct(upstream: tuple[OpenAIServer, str]) -> Iterator[openai.OpenAI]:
    with connected(upstream[1]) as client:
        yield client


def connected(url: str, key: str = "sk-customer") -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=url + "/v1", max_retries=0, timeout=20)


def test_a_chat_says_what_the_model_says_without_its_log_probabilities(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    true = direct.chat.completions.create(model="m", messages=ASK, logprobs=True, top_logprobs=2)
    shown = client.chat.completions.create(model="m", messages=ASK, logprobs=True, top_logprobs=2)
    assert true.choices[0].logprobs is not None
    assert true.system_fingerprint == "fp_4a5b6c"
    assert shown.choices[0].message.content == true.choices[0].message.content == TEXT
    assert shown.choices[0].logprobs is None
    assert shown.system_fingerprint is None
    assert shown.usage == true.usage


def test_what_a_request_asks_for_is_honoured(client: openai.OpenAI, upstream: tuple[OpenAIServer, str]) -> None:
    answer = client.chat.completions.create(
        model="m", messages=ASK, n=3, max_tokens=2, temperature=0.3, logit_bias={"5": 100}, extra_body={"prompt_logprobs": 5}
    )
    assert [choice.message.content for choice in answer.choices] == ["A moat"] * 3
    assert upstream[0].seen[-1] == {"model": "m", "messages": ASK, "n": 3, "max_tokens": 2, "temperature": 0.3}


def test_a_streamed_chat_has_no_log_probabilities_either(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    def chunks(of: openai.OpenAI) -> list[openai.types.chat.ChatCompletionChunk]:
        return list(of.chat.completions.create(model=ALWAYS, messages=ASK, stream=True))

    true, shown = chunks(direct), chunks(client)
    assert any(choice.logprobs for chunk in true for choice in chunk.choices)
    assert not any(choice.logprobs for chunk in shown for choice in chunk.choices)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in shown) == TEXT
    assert [chunk.usage for chunk in shown] == [None] * len(shown)
    assert shown[-1].choices[0].finish_reason == "stop"


def test_a_stream_tells_its_usage_to_whoever_asks(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="m", messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == PROMPT_TOKENS + len(WORDS)


def test_the_first_chunk_arrives_before_the_second_has_been_made(
    client: openai.OpenAI, upstream: tuple[OpenAIServer, str]
) -> None:
    server = upstream[0]
    server.first_arrived.clear()
    stream = client.chat.completions.create(model=STEPWISE, messages=ASK, stream=True)
    contents = (chunk.choices[0].delta.content for chunk in stream)
    first = next(content for content in contents if content)
    assert (first, server.chunks_sent) == (WORDS[0], 2)  # the role, and the first word
    server.first_arrived.set()
    assert "".join(content or "" for content in contents) == "".join(WORDS[1:])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": ASK, "logprobs": True, "prompt_logprobs": 1, "return_token_ids": True}),
        ("/v1/completions", {"prompt": "x", "logprobs": 5, "echo": True}),
        ("/v1/responses", {"input": "x", "include": ["message.output_text.logprobs"], "top_logprobs": 3}),
        ("/v1/embeddings", {"input": "x"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_no_byte_of_what_may_not_leave_leaves(
    guarded: RunningGateway, upstream: tuple[OpenAIServer, str], path: str, body: dict[str, object], stream: bool
) -> None:
    asked = {"model": ALWAYS, **body} | ({"stream": True} if stream and "embeddings" not in path else {})
    true, shown = (httpx.post(url + path, json=asked, timeout=20) for url in (upstream[1], guarded.url))
    assert (true.status_code, shown.status_code) == (200, 200)
    assert [leak for leak in LEAKS if leak in true.content] != []
    assert [leak for leak in LEAKS if leak in shown.content] == []


def test_a_completion_has_its_text_and_nothing_else(client: openai.OpenAI, direct: openai.OpenAI) -> None:
    assert direct.completions.create(model="m", prompt="x", logprobs=2).choices[0].logprobs is not None
    shown = client.completions.create(model="m", prompt="x", logprobs=2)
    assert (shown.choices[0].text, shown.choices[0].logprobs) == (TEXT, None)
    streamed = list(client.completions.create(model=ALWAYS, prompt="x", stream=True))
    assert "".join(chunk.choices[0].text for chunk in streamed) == TEXT
    assert all(chunk.choices[0].logprobs is None for chunk in streamed)


def test_a_response_has_no_log_probabilities_when_made_streamed_or_read_again(client: openai.OpenAI) -> None:
    made = client.responses.create(model="m", input="x", include=["message.output_text.logprobs"])
    stored = client.responses.retrieve(made.id)
    assert made.output_text == stored.output_text == TEXT
    for response in (made, stored):
        (message,) = (item for item in response.output if item.type == "message")
        assert [part.logprobs for part in message.content if part.type == "output_text"] == [[]]
    for events in (
        list(client.responses.create(model="m", input="x", stream=True)),
        list(client.responses.retrieve(made.id, stream=True)),
    ):
        deltas = [event for event in events if isinstance(event, ResponseTextDeltaEvent)]
        assert "".join(event.delta for event in deltas) == TEXT
        assert all(
            event.logprobs == [] for event in events if isinstance(event, ResponseTextDeltaEvent | ResponseTextDoneEvent)
        )
        assert isinstance(events[-1], ResponseCompletedEvent)
        assert events[-1].response.output_text == TEXT
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match="no such response"):
        client.responses.retrieve(made.id)


def test_embeddings_keep_their_direction_and_lose_their_last_bits_in_every_encoding(
    client: openai.OpenAI, direct: openai.OpenAI
) -> None:
    truth = embedding(2)
    default = client.embeddings.create(model="e", input=["a", "b"])  # the client asks for base64 and decodes it
    floats = client.embeddings.create(model="e", input=["a", "b"], encoding_format="float")
    bare = direct.embeddings.create(model="e", input=["a", "b"])
    shown = np.array([entry.embedding for entry in default.data])
    assert np.array_equal(np.array([entry.embedding for entry in bare.data], dtype=np.float32), truth)
    assert np.allclose(shown, np.array([entry.embedding for entry in floats.data]), atol=1e-6)
    cosines = np.sum(shown * truth, axis=1) / np.linalg.norm(shown, axis=1)
    assert np.all(cosines > 0.9999)
    assert all(len(np.unique(np.round(np.abs(row) / np.abs(row).max() * 127, 4) % 1)) == 1 for row in shown)


def test_the_list_of_models_names_them_and_says_nothing_of_their_size(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert model.id == "m"
    assert model.model_extra == {}


def test_log_probabilities_that_a_contract_promises_are_rounded_and_capped(
    upstream: tuple[OpenAIServer, str], tmp_path: Path
) -> None:
    with gateway(upstream[1], tmp_path, config=PROMISED) as running, connected(running.url) as client:
        (choice,) = client.chat.completions.create(model="m", messages=ASK, logprobs=True, top_logprobs=20).choices
        assert choice.logprobs is not None
        assert choice.logprobs.content is not None
        assert {token.logprob for token in choice.logprobs.content} == {-0.12}
        assert {len(token.top_logprobs) for token in choice.logprobs.content} == {1}
        assert upstream[0].seen[-1]["top_logprobs"] == 1


def test_an_undeclared_path_and_a_bad_request_are_the_clients_own_exceptions(
    client: openai.OpenAI, upstream: tuple[OpenAIServer, str]
) -> None:
    before = len(upstream[0].seen)
    with pytest.raises(openai.NotFoundError):
        client.post("/../tokenize", body={"model": "m", "prompt": "x"}, cast_to=object)
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="x")
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model="m", messages=[])
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        client.completions.create(model="m", prompt="x", max_tokens=-7)
    assert len(upstream[0].seen) == before


def test_missing_credentials_and_exhausted_limits_are_the_clients_own_exceptions(
    upstream: tuple[OpenAIServer, str], tmp_path: Path
) -> None:
    key = add_key(tmp_path / "data", "acme", "--tier", "small")["key"]
    with gateway(upstream[1], tmp_path, config=STRICT) as running:
        with connected(running.url, "sk-nobody") as stranger, pytest.raises(openai.AuthenticationError) as unknown:
            stranger.chat.completions.create(model="m", messages=ASK)
        assert unknown.value.code == "invalid_api_key"
        with connected(running.url, key) as customer:
            for _ in range(2):
                assert customer.chat.completions.create(model="m", messages=ASK).choices[0].message.content == TEXT
            with pytest.raises(openai.RateLimitError) as refused:
                customer.chat.completions.create(model="m", messages=ASK)
            assert int(refused.value.response.headers["retry-after"]) >= 1
            assert refused.value.code == "rate_limit_exceeded"
            with pytest.raises(openai.RateLimitError):
                customer.chat.completions.create(model="m", messages=ASK, stream=True)


def test_tokens_are_charged_as_the_server_counts_them(upstream: tuple[OpenAIServer, str], tmp_path: Path) -> None:
    key = add_key(tmp_path / "data", "acme", "--tier", "thrifty")["key"]
    with gateway(upstream[1], tmp_path, config=STRICT) as running:
        with connected(running.url, key) as customer:
            customer.chat.completions.create(model="m", messages=ASK, max_tokens=1000)
            list(customer.chat.completions.create(model="m", messages=ASK, max_tokens=1000, stream=True))
            last = customer.chat.completions.with_raw_response.create(model="m", messages=ASK, max_tokens=1000)
            with pytest.raises(openai.RateLimitError):  # what may come of it is reserved, however short it would be
                customer.chat.completions.create(model="m", messages=ASK, max_tokens=2000)
        metrics = httpx.get(running.admin + "/metrics").text
    spent = 3 * (PROMPT_TOKENS + len(WORDS))
    assert f"moatkeeper_tokens_total {spent:.1f}" in metrics
    assert last.headers["ratelimit-policy"].startswith('"default";q=2000;')


def test_the_asynchronous_client_is_served_the_same(guarded: RunningGateway) -> None:
    async def talk() -> list[str]:
        async with openai.AsyncOpenAI(api_key="k", base_url=guarded.url + "/v1", max_retries=0) as client:
            whole = await asyncio.gather(*(client.chat.completions.create(model="m", messages=ASK) for _ in range(8)))
            stream = await client.chat.completions.create(model="m", messages=ASK, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return [answer.choices[0].message.content or "" for answer in whole] + ["".join(pieces)]

    assert asyncio.run(talk()) == [TEXT] * 9
