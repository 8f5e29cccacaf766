"""A model server on loopback that says what a test scripts, in the bytes of vLLM 0.32.

    model = ScriptedModel([
        (Think("Two things to see."), Call("diagnose"), Call("logs", {"node": "gpu-01"})),   # one reply a request
        (Say("gpu-01/3 is lost [1]."),),
    ])
    async with model.serving() as base_url: ...      # in this event loop
    with model.running() as base_url: ...            # in a thread of its own, for subprocesses and threads

A reply is a tuple of steps. `Say`, `Think`, `Call` stream; `Pause`, `Stall` wait; `Finish` sets why it ends (else
`tool_calls` or `stop`); `Die` ends the connection; `Fail` answers an HTTP error instead; `Send` sends raw bytes.
A function of the request's body may stand for a reply. After the script `otherwise` is answered. The client's start-up
probe is answered by itself, as `tools` says, and takes nothing from the script.
`python -m tests.standins.llm` serves one on a port of its own and prints its address.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.standins import llm_wire as wire
from tests.standins.llm_http import GoneError, Out, read_request
from tests.standins.llm_steps import Call, Die, Fail, Finish, Pause, Reply, Say, Script, Send, Stall, Step, Think

__all__ = ["Call", "Die", "Fail", "Finish", "Pause", "Reply", "Say", "ScriptedModel", "Send", "Stall", "Step", "Think"]

PROBE_MARK = "probe_echo"
"""What only the start-up probe says: the name of its tool."""
NO_PARSER = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
_PIECES = re.compile(r"\s*\S+|\s+")

Tools = Literal["native", "single", "hermes", "xml", "refused", "deaf"]
"""`native`: calls are parsed by the server; `single`: the probe gets one call where it asks for two; `hermes`, `xml`:
they stand in the text, unparsed; `refused`: `tools` are refused and calls stand in the text; `deaf`: it never calls."""


@dataclass
class ScriptedModel:
    """What the server says, and what it was asked."""

    script: Script = ()
    otherwise: Reply = (Say("That is all."),)
    name: str = "stand-in"
    context: int | None = 32768
    """Told as `max_model_len`."""
    owner: str = "vllm"
    """Told as `owned_by`."""
    counts: bool = False
    """Refuse what is longer than `context`, four characters a token, as vLLM does."""
    key: str | None = None
    """The only key that is taken; None: none is asked for."""
    tools: Tools = "native"
    streams: bool = True
    """False: it answers at once, whatever is asked for, as some proxies do."""
    strict: bool = True
    """Whether `strict` in a tool is accepted."""
    probe: Reply | None = None
    """What every probe is answered; None: as `tools` says."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of chat requests in order, probes left out."""
    probes: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Headers of every request, names in small letters."""
    hung_up: int = 0
    """Replies that the client did not hear to their end."""
    on_hang_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when that happens (for `serving`)."""
    on_wait: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a `Pause` or `Stall` begins."""

    @asynccontextmanager
    async def serving(self, port: int = 0, *, socket: str = "") -> AsyncIterator[str]:
        """Serve in this event loop until the context is left; gives the base URL, which ends in `/v1`.

        `socket`: on a unix socket of this path instead, as behind an ssh forward.
        """
        open_ones: set[asyncio.StreamWriter] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_ones.add(writer)
            with suppress(GoneError, ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._one(reader, writer)
            open_ones.discard(writer)
            writer.close()

        if socket:
            server = await asyncio.start_unix_server(serve, socket, limit=1 << 24)
        else:
            server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 24)
        name = server.sockets[0].getsockname()
        try:
            yield f"unix://{socket}:/v1" if socket else f"http://127.0.0.1:{name[1]}/v1"
        finally:
            server.close()
            for writer in list(open_ones):
                writer.transport.abort()
            await asyncio.sleep(0)

    @contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        """Serve in a thread of its own."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="scripted model", daemon=True)
        thread.start()
        context = self.serving(port)
        try:
            yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a connection."""
        method, path, headers, raw = await read_request(reader)
        self.headers.append(headers)
        out = Out(reader, writer)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            await out.whole(401, wire.packed({"error": "Unauthorized"}))
        elif (method, path) == ("GET", "/v1/models"):
            await out.whole(200, wire.models((self.name,), self.context, self.owner))
        elif (method, path) == ("GET", "/health"):
            await out.whole(200, b"")
        elif (method, path) == ("POST", "/v1/chat/completions"):
            await self._chat(json.loads(raw), out)
        else:
            await out.whole(404, wire.packed({"detail": "Not Found"}))

    async def _chat(self, body: dict[str, Any], out: Out) -> None:
        is_probe = PROBE_MARK in json.dumps(body)
        (self.probes if is_probe else self.asked).append(body)
        refusal = self._refusal(body)
        if refusal is not None:
            await out.fail(refusal)
            return
        reply = self._probed(body) if is_probe else self._next(body)
        if reply and isinstance(reply[0], Fail):
            await out.fail(reply[0])
            return
        try:
            is_streamed = body.get("stream") and self.streams
            await self._stream(reply, body, out) if is_streamed else await self._at_once(reply, body, out)
        except (GoneError, ConnectionError):
            self.hung_up += 1
            self.on_hang_up.set()
            raise

    def _refusal(self, body: Mapping[str, Any]) -> Fail | None:
        if body["model"] != self.name:
            text = f"The model `{body['model']}` does not exist. Valid aliases: {self.name}."
            return Fail(404, text, "NotFoundError")
        if "tools" in body and self.tools == "refused":
            return Fail(400, NO_PARSER)
        if not self.strict and '"strict": true' in json.dumps(body.get("tools", [])):
            return Fail(400, "Unrecognized key: 'strict' (parameter=tools)")
        used = _tokens(body)
        wanted = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        if self.counts and self.context is not None and used + wanted > self.context:
            text = f"This model's maximum context length is {self.context} tokens. However, you requested {wanted}"
            return Fail(400, f"{text} output tokens and your prompt contains at least {used} input tokens.")
        return None

    def _next(self, body: Mapping[str, Any]) -> Reply:
        number = len(self.asked) - 1
        reply = self.script[number] if number < len(self.script) else self.otherwise
        return reply if isinstance(reply, tuple) else reply(body)

    def _probed(self, body: Mapping[str, Any]) -> Reply:
        """A probe asks for its tool twice, with 1 and 2."""
        if self.probe is not None:
            return self.probe
        if self.tools == "deaf" or PROBE_MARK not in json.dumps([body.get("tools"), body["messages"][0]]):
            return (Think("Short."), Say("OK"))
        first, second = Call(PROBE_MARK, {"number": 1}), Call(PROBE_MARK, {"number": 2})
        return (Think("Twice."), first) if self.tools == "single" else (Think("Twice."), first, second)

    async def _stream(self, reply: Reply, body: Mapping[str, Any], out: Out) -> None:
        chunks = wire.Chunks(body["model"])
        await out.begin(chunks.first())
        finish, sent, calls = "", 0, 0
        for step in reply:
            if isinstance(step, Finish):
                finish = step.reason
            elif isinstance(step, Die):
                await out.die(step.how)
            elif isinstance(step, Pause | Stall):
                self.on_wait.set()
                await out.wait(step.seconds if isinstance(step, Pause) else None)
            elif isinstance(step, Send):
                await out.send(step.raw)
            elif isinstance(step, Fail):
                await out.send(b"data: " + wire.error(step.status, step.message, step.kind) + b"\n\n")
            else:
                for delta in self._deltas(step, calls):
                    if isinstance(step, Say) and step.pace_s:
                        await out.wait(step.pace_s)
                    await out.send(chunks.delta(delta))
                    sent += 1
                calls += isinstance(step, Call)
        is_called = calls and self.tools in ("native", "single")
        await out.send(chunks.last(finish or ("tool_calls" if is_called else "stop")))
        if (body.get("stream_options") or {}).get("include_usage"):
            await out.send(chunks.usage(_tokens(body), sent))
        await out.end(wire.DONE)

    def _deltas(self, step: Say | Think | Call, calls: int) -> list[dict[str, Any]]:
        if isinstance(step, Say):
            return [{"content": piece} for piece in _pieces(step.text, step.size)]
        if isinstance(step, Think):
            return [{step.field: piece} for piece in _pieces(step.text, step.size)]
        arguments = step.arguments if isinstance(step.arguments, str) else json.dumps(step.arguments)
        if self.tools in ("native", "single"):
            call_id = step.id or f"chatcmpl-tool-{calls:016x}"
            return wire.call_deltas(calls, call_id, step.name, arguments, step.size)
        form = wire.xml if self.tools == "xml" else wire.hermes
        return [{"content": piece} for piece in _pieces(form(step.name, arguments), step.size)]

    async def _at_once(self, reply: Reply, body: Mapping[str, Any], out: Out) -> None:
        """The same reply, not streamed."""
        text = "".join(step.text for step in reply if isinstance(step, Say))
        calls = [step for step in reply if isinstance(step, Call)]
        function = [
            {
                "name": one.name,
                "arguments": one.arguments if isinstance(one.arguments, str) else json.dumps(one.arguments),
            }
            for one in calls
        ]
        rows = [{"id": f"call-{n}", "type": "function", "function": one} for n, one in enumerate(function)]
        message = {"content": text or None, **({"tool_calls": rows} if rows else {})}
        finish = next((step.reason for step in reply if isinstance(step, Finish)), "tool_calls" if rows else "stop")
        await out.whole(200, wire.whole(body["model"], message, finish, wire.counted(_tokens(body), len(text) // 4)))


def _pieces(text: str, size: int) -> list[str]:
    if not size:
        return _PIECES.findall(text)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _tokens(body: Mapping[str, Any]) -> int:
    return len(json.dumps([body["messages"], body.get("tools", [])], ensure_ascii=False)) // 4


async def _serve_for_ever() -> None:
    async with ScriptedModel().serving() as url:
        print(url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_for_ever())
