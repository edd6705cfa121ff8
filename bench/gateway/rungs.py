"""The ladder: the gateway with one more layer on each rung, so that every layer's price is seen by itself.

    python -m bench.gateway.rungs RUNG UPSTREAM PORT DATA

The first rungs are small applications; from "wire" on it is the gateway itself with its other parts left empty. The last
rung, with the ledger, is `moatkeeper serve` and stands in ``contenders``.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import uvicorn

from bench.gateway import bodies
from moatkeeper.config.load import load
from moatkeeper.config.policy import policy
from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.outputs.base import OutputPolicy
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.serve.addresses import Addresses
from moatkeeper.serve.asgi import Application, Receive, Scope, Send, read_body, send_response
from moatkeeper.serve.gateway import Gateway, Running
from moatkeeper.serve.identify import Identifier
from moatkeeper.serve.protocol import Http
from moatkeeper.serve.recorder import NoRecorder
from moatkeeper.serve.requests import ForwardedRequests
from moatkeeper.serve.upstream import Upstream
from moatkeeper.store.keys import Keys
from moatkeeper.store.memory import InMemory
from moatkeeper.store.secret import load_secret
from moatkeeper.wire.registry import default_formats

RUNGS = ("server", "client", "wire", "limits", "output", "identity")
WHAT = {
    "server": "our server answering by itself",
    "client": "+ upstream client: a pass-through",
    "wire": "+ gateway: parse, strip, write again",
    "limits": "+ limits: admit and settle",
    "output": "+ least output: release",
    "identity": "+ identity: API keys required",
    "ledger": "+ ledger: moatkeeper serve, all on",
}


class FullOutput:
    """Releases every answer as it is."""

    name = "full"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        """The answer itself."""
        return answer


def application(rung: str, upstream: str, config: Path, data: Path) -> Application:
    """The application of one rung."""
    if rung == "server":
        return _server()
    client = Upstream(upstream)
    if rung == "client":
        return _pass_through(client)
    height = RUNGS.index(rung)
    table = policy(load(config)) if height >= RUNGS.index("limits") else Policy({"bench": Tier("bench")}, "bench", shadow=False)
    outputs: OutputPolicy = LeastOutput() if height >= RUNGS.index("output") else FullOutput()
    keys = Keys.open(data) if height >= RUNGS.index("identity") else None
    identifier = Identifier(
        secret=load_secret(data), addresses=Addresses(), keys=keys, default_tier="bench", required=keys is not None
    )
    running = Running(
        Guard(table, outputs),
        default_formats(),
        identifier,
        ForwardedRequests(),
        lambda path: True,
        show_quota=height >= RUNGS.index("limits"),
    )
    return Gateway(running, client, InMemory(), NoRecorder())


def _server() -> Application:
    answer = bodies.answers()[bodies.PREDICT]

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive, (), 1 << 20)
        await send_response(send, 200, [(b"content-type", b"application/json")], answer)

    return answering


def _pass_through(client: Upstream) -> Application:
    async def passing(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, (), 1 << 20)
        reply = await client.open(scope["method"], scope["raw_path"], scope["headers"], body)
        try:
            given = await reply.body(1 << 26)
            kept = [pair for pair in reply.headers if pair[0] == b"content-type"]
            await send_response(send, reply.status, kept, given)
        finally:
            await reply.aclose()

    return passing


def main(rung: str, upstream: str, port: str, config: str, data: str) -> None:
    """Serves one rung with the server settings of ``moatkeeper serve`` until it is told to stop."""
    made = application(rung, upstream, Path(config), Path(data))
    gc.collect()
    gc.freeze()
    uvicorn.run(
        made,
        port=int(port),
        loop="uvloop",
        http=Http,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
