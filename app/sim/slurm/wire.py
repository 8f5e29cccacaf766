"""How a launcher and the simulator talk: one HTTP request a command, as few bytes and imports as can be.

The request's body is a head (user, folder, time format, length of a script or empty, the words, each ended by a NUL),
whose length the header `X-Head` gives, then the script, then what stood on standard input. The answer's body is what
the command prints, `X-Out` bytes of it on standard output, the rest on standard error; `X-Code` is its exit status.
"""

from __future__ import annotations

import asyncio
import os
import re

from aiohttp import web

from app.sim.slurm.scene import Answer, Call

_USER = re.compile(r"[A-Za-z0-9_][\w.@-]{0,63}", re.ASCII)


def call_of(name: str, body: bytes, head: str) -> Call:
    """The call of a request. Raises ValueError for one that is none."""
    if not head.isdecimal() or int(head) > len(body):
        raise ValueError("X-Head does not say how long the head is")
    length = int(head)
    user, folder, form, script, *words = (os.fsdecode(part) for part in body[:length].split(b"\0")[:-1])
    if _USER.fullmatch(user) is None or user in (".", ".."):
        raise ValueError(f"{user!r} is no user's name")
    rest = body[length:]
    size = int(script) if script else 0
    return Call(
        name=name,
        words=tuple(words),
        user=user,
        stdin=rest[size:],
        folder=folder,
        time_form=form,
        script=rest[:size] if script else None,
    )


async def respond(answer: Answer) -> web.Response:
    """The answer, after the time it takes."""
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    headers = {"X-Code": str(answer.code), "X-Out": str(len(answer.out))}
    return web.Response(body=answer.out + answer.err, headers=headers, content_type="application/octet-stream")
