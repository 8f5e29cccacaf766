"""What the agent's client adds to a model server: until the first word, for each delta, and CPU at 200 tokens a second.

The server is a process of its own that says the same to both: to the bare socket that reads its bytes, and to the brain
with all that is in it (prompt, `openai` package, marks, deadlines). Each round asks both in turn.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from time import perf_counter, process_time
from urllib.parse import urlsplit

from app.agent.brain import Asked
from app.agent.events import TextAdded
from app.agent.model_brain import ModelBrain
from app.agent.provider import Provider, connect
from app.config.settings import Agent
from tests.agent.provider.asking import FakeLooker
from tests.bench.report import Report, Target

ROUNDS = 9
WORDS = 2000
PACED, PER_S = 1000, 200
SERVER = f"""
import asyncio
from tests.standins.llm import Say, ScriptedModel

def reply(body):
    text = body["messages"][-1]["content"]
    if "paced" in text:
        return (Say("word " * {PACED}, 5, 1 / {PER_S}),)
    return (Say("word " * {WORDS}, 5),)

async def main():
    async with ScriptedModel(otherwise=reply).serving() as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def run(report: Report) -> None:
    """Measure the brain beside the bare socket."""
    with served() as url:
        first_ms, delta_us, probe_ms, share = asyncio.run(measured(url))
    report.add("first word, over the bare endpoint, wall", "ms", first_ms, Target(at_most=30.0))
    report.add(f"each of {WORDS:,} deltas, over the bare endpoint, wall", "µs", delta_us, Target(at_most=1000.0))
    report.add(
        f"an answer at {PER_S} tokens a second, CPU of a core (without painting)", "%", share, Target(at_most=15.0)
    )
    report.add("finding out what a server can, when it answers at once", "ms", probe_ms)


@contextmanager
def served() -> Iterator[str]:
    """A scripted model in a process of its own."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


async def measured(url: str) -> tuple[list[float], list[float], list[float], float]:
    """Milliseconds to the first word and microseconds a delta over the bare socket's; of the probe; share of a core."""
    settings = Agent(base_url=url, model="stand-in")
    provider = connect(settings)
    await provider.probe()  # loads the package, which is not what is measured
    first_ms, delta_us, probe_ms = [], [], []
    for _ in range(ROUNDS):
        bare_first, bare_all = await bare(url)
        our_first, our_all = await ours(provider, settings, "Is all well?")
        first_ms.append((our_first - bare_first) * 1000)
        delta_us.append((our_all - bare_all) / WORDS * 1e6)
        began = perf_counter()
        await provider.probe()
        probe_ms.append((perf_counter() - began) * 1000)
    began, used = perf_counter(), process_time()
    await ours(provider, settings, "paced")
    share = (process_time() - used) / (perf_counter() - began) * 100
    await provider.close()
    return first_ms, delta_us, probe_ms, share


async def ours(provider: Provider, settings: Agent, question: str) -> tuple[float, float]:
    """Seconds to the first word and to the end, as the session gets them."""
    began, first = perf_counter(), 0.0
    async with aclosing(ModelBrain(provider, settings)._answer(Asked(question), FakeLooker())) as events:
        async for event in events:
            if isinstance(event, TextAdded) and not first:
                first = perf_counter() - began
    return first, perf_counter() - began


async def bare(url: str) -> tuple[float, float]:
    """The same from the server's bytes alone."""
    body = json.dumps({"model": "stand-in", "stream": True, "messages": [{"role": "user", "content": "x"}]}).encode()
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    began, first = perf_counter(), 0.0
    writer.write(head.encode() + body)
    received = b""
    while b"[DONE]" not in received[-200:]:
        more = await reader.read(65536)
        received = received[-400:] + more
        if not first and b"word" in more:
            first = perf_counter() - began
    whole = perf_counter() - began
    writer.close()
    return first, whole
