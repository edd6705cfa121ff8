"""Health and metadata: passed on as far as the format declares, without anybody's credentials of ours."""

from __future__ import annotations

from moatkeeper.core.contract import Contract
from moatkeeper.serve import replies
from moatkeeper.serve.desk import Desk, done
from moatkeeper.serve.visit import Visit
from moatkeeper.wire.base import Message, Route

LEAST = Contract()

PROBES = frozenset({"health"})
"""Operations that load balancers ask without credentials, also where identity is required: they say up or down."""


async def pass_plain(desk: Desk, visit: Visit, route: Route) -> None:
    """Asks the model server and passes its answer on; charged to nobody, recorded nowhere."""
    if route.operation not in PROBES:
        desk.identify(visit)
    desk.arrive(visit)
    door, running, wire = visit.door, visit.running, visit.wire
    if wire is None:
        return
    codec = wire.codec(route)
    asked = codec.read(route, Message(door.headers, b""))
    sent = running.requests.plain_headers(door.headers)
    reply = await desk.upstream.open(door.method, door.path.encode("latin-1"), sent, b"")
    try:
        body = await reply.body(running.answer_limit)
        message = Message(reply.headers, body, reply.status)
        if not 200 <= reply.status < 300:
            await done(desk.give_failure(visit, message, []))
            return
        head = replies.passed_headers(reply.headers)
        if door.method != "HEAD":
            given = codec.answer(asked, message)
            out = codec.deliver(given, given.answer, LEAST)
            head, body = replies.merged(reply.headers, out.headers), body if out.body is None else out.body
        await done(desk.send(visit, reply.status, head, body))
    finally:
        await reply.aclose()
