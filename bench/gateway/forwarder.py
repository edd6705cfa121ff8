"""A proxy as many teams would write it first: Starlette, and httpx as its client.

python -m bench.gateway.forwarder UPSTREAM PORT
"""

from __future__ import annotations

import sys

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host"})


def application(upstream: str) -> Starlette:
    """An application that passes every request on and streams the answer back."""
    client = httpx.AsyncClient(base_url=upstream, limits=httpx.Limits(max_connections=256, max_keepalive_connections=256))

    async def forward(request: Request) -> StreamingResponse:
        headers = [(name, value) for name, value in request.headers.items() if name not in HOP_BY_HOP]
        outgoing = client.build_request(request.method, request.url.path, headers=headers, content=await request.body())
        reply = await client.send(outgoing, stream=True)
        passed = {name: value for name, value in reply.headers.items() if name not in HOP_BY_HOP}
        return StreamingResponse(reply.aiter_raw(), reply.status_code, passed, background=BackgroundTask(reply.aclose))

    return Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])])


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="warning")
