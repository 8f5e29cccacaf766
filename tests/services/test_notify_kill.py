"""Kill -9 at any moment, pending, firing, deciding or sending: no page is lost, and none arrives twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.services.receivers import Hook, Mailbox, mailbox, webhook
from tests.services.telling_child import world

ROOT = Path(__file__).parents[2]
TIMES = "[notify]\ngroup_wait = 0\nresolve_wait = 0\n"
Page = tuple[str, str, float]
"""Topic, phase, and when it was decided."""


def file_of(folder: Path, hook: Hook, box: Mailbox) -> Path:
    """A file with both channels, without limits."""
    mail = f"mailto://localhost:{box.port}/?from=watch@example.com&to=ops@example.com&mode=insecure"
    path = folder / "notify"
    path.write_text(f"{TIMES}[channel.hook]\nurl = '{hook.url}'\n[channel.mail]\nurl = '{mail}'\nlimit = 'none'\n")
    path.chmod(0o600)
    return path


async def live(store: Path, file: Path, first: int, lives_s: float) -> int:
    """Let a process tell from a tick on, kill it so long after it began to work, and say which tick it finished."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "tests.services.telling_child", str(store), str(file), str(first)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout is not None
    printed = await asyncio.wait_for(child.stdout.readline(), 60)
    await asyncio.sleep(lives_s)
    child.send_signal(signal.SIGKILL)
    printed += await child.stdout.read()
    assert -signal.SIGKILL == await child.wait()
    return int(printed[: printed.rfind(b"\n")].split()[-1])


async def pages_without_a_kill(folder: Path, last: int) -> Counter[Page]:
    """What the same world tells when nobody kills it; the folder is there."""
    async with webhook() as hook, mailbox() as box:
        async with world(folder / "h.db", file_of(folder, hook, box), 0) as made:
            for tick in range(last + 1):
                await made.step(tick)
        assert len(hook.got) == len(box.mails)
        return Counter(map(page, hook.bodies))


def page(body: Mapping[str, Any]) -> Page:
    """What a webhook's body says."""
    return body["key"].split("/", 2)[2], body["phase"], body["at"]


async def kill_often(folder: Path, times: int) -> tuple[int, int]:
    """Kill so often, let it finish, compare with what is told without a kill; says how many repeats were recognised."""
    dice = random.Random(times)
    async with webhook() as hook, mailbox() as box:
        file, last = file_of(folder, hook, box), -1
        (folder / "quiet").mkdir()
        for _ in range(times):
            last = await live(folder / "h.db", file, last + 1, dice.uniform(0.0, 0.12))
        async with world(folder / "h.db", file, last + 1) as made:
            await made.step(last + 1)
        by_id = {headers["Idempotency-Key"]: page(body) for headers, body in hook.got}
        mails = {mail["Message-ID"] for mail in box.mails}
        expected = await pages_without_a_kill(folder / "quiet", last + 1)

        assert expected == Counter(by_id.values()), "lost: too few; doubled: too many under ids of their own"
        assert len(expected) == len(mails)
        assert len(expected) > 2 * times, "too little was told for kills to fall into it"
        assert all(body["repeat"] for headers, body in hook.got[1:] if is_second(headers, hook))
    return len(hook.got) - len(by_id), len(box.mails) - len(mails)


def is_second(headers: Mapping[str, str], hook: Hook) -> bool:
    """Whether a message came before under the same id."""
    key = headers["Idempotency-Key"]
    same = [other for other, _ in hook.got if other["Idempotency-Key"] == key]
    return len(same) > 1 and headers is not same[0]


async def test_three_kills_neither_lose_nor_double_a_page(tmp_path: Path) -> None:
    """Killed three times at random, both receivers have every page of the same world without a kill, once an id."""
    await kill_often(tmp_path, 3)


@pytest.mark.slow
async def test_a_hundred_kills_neither_lose_nor_double_a_page(tmp_path: Path) -> None:
    """The same a hundred times; some of them cut an attempt off, whose repeat the receiver knows by its id."""
    assert sum(await kill_often(tmp_path, 100)) > 0
