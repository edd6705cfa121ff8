from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from moatkeeper.serve.admin import Admin, AdminPages
from moatkeeper.serve.asgi import Event


def ask(method: str, path: str, *, problems: Callable[[], list[str]] = list) -> httpx.Response:
    pages = AdminPages(
        lambda: {"status": "ok"},
        problems,
        lambda: b"moatkeeper_rows_total 1.0\n",
        lambda: {"mode": "shadow"},
        lambda: {"mode": "act"},
    )

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(Admin(pages))
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.request(method, path)

    return asyncio.run(one())


def test_the_five_pages_answer_with_what_their_owners_say_now() -> None:
    assert ask("GET", "/healthz").json() == {"status": "ok"}
    assert ask("GET", "/readyz").json() == {"ready": True, "problems": []}
    assert ask("GET", "/shadow").json() == {"mode": "shadow"}
    assert ask("GET", "/patterns").json() == {"mode": "act"}
    metrics = ask("GET", "/metrics")
    assert metrics.text == "moatkeeper_rows_total 1.0\n"
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_a_problem_makes_the_process_not_ready_and_says_why() -> None:
    answer = ask("GET", "/readyz", problems=lambda: ["the disk is full"])
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "problems": ["the disk is full"]})


def test_the_pages_are_read_only() -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = ask(method, "/healthz")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert ask("HEAD", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz/", "/HEALTHZ", "/metrics/x", "/v1/models/m:predict"])
def test_every_other_path_is_not_found(path: str) -> None:
    assert ask("GET", path).status_code == 404


def test_events_of_another_type_are_left_alone() -> None:
    async def never() -> Event:
        raise AssertionError("received")

    async def silent(event: Event) -> None:
        raise AssertionError(f"sent {event}")

    admin = Admin(AdminPages(dict, list, bytes, dict))
    asyncio.run(admin({"type": "lifespan"}, never, silent))
