"""Event streams on their way out: each piece minimised as it comes, tokens counted while it runs."""

from __future__ import annotations

import asyncio

from moatkeeper.core.answer import Usage
from moatkeeper.serve import replies
from moatkeeper.serve.desk import Desk
from moatkeeper.serve.visit import UpstreamReply, Visit, Work

EXTENSION_TOKENS = 256
"""Reserved at a time by a stream that outgrows its estimate; larger: fewer decisions, a coarser end of the budget."""


async def stream(desk: Desk, visit: Visit, work: Work, reply: UpstreamReply) -> None:
    """Passes a stream on until it ends, its budget does, or its client takes no more."""
    minimised = work.codec.stream(work.asked, work.decision.contract)
    digest = desk.recorder.running_digest()
    head = replies.passed_headers(reply.headers) + work.headers
    work.status = visit.status = reply.status
    visit.begun = True
    door, presence = visit.door, visit.presence
    await door.begin(reply.status, head)
    rows = work.query.cost.rows
    work.usage = Usage(rows, minimised.tokens)
    patience_s, now = visit.running.write_timeout_s, asyncio.get_running_loop().time
    try:
        async for chunk in reply.chunks():
            out = minimised.feed(chunk)
            tokens = minimised.tokens
            work.usage = Usage(rows, tokens)
            if tokens > work.tokens_reserved and not _extend(desk, visit, work, tokens):
                out += minimised.cut()
                digest.update(out)
                await door.send(out, last=True)
                return
            if out:
                digest.update(out)
                presence.deadline = now() + patience_s
                await door.send(out)
                presence.deadline = 0.0
        rest = minimised.finish()
        digest.update(rest)
        work.usage = Usage(rows, minimised.tokens)
        await door.send(rest, last=True)
    finally:
        work.released_digest = digest.hex()


def _extend(desk: Desk, visit: Visit, work: Work, tokens: int) -> bool:
    """Whether a stream that outgrew its reservation may go on."""
    more = max(EXTENSION_TOKENS, tokens - work.tokens_reserved)
    extended = visit.running.guard.extend(work.query, work.decision, more, desk.memory, at=desk.clock())
    if extended is None:
        return False
    work.decision = extended
    work.tokens_reserved += more
    return True
