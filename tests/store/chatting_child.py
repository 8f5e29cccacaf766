"""Processes that keep a growing answer until they are killed: `python -m tests.store.chatting_child`.

Reads lines `STORE CONVERSATION` and forks one process for each, so that sixty lives cost one start of Python. A life
prints its process id, then a line after each keeping: how many words the answer had.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path

from app.domain.chat import Conversation, Exchange, ToolUse
from app.store.chats import Chats

NOW = 1_764_000_000.0


def grown(words: int, key: str) -> Exchange:
    """An answer of so many words, with a look for each ten."""
    uses = tuple(ToolUse(number, "diagnose", {"about": key}, result="{}" * 50) for number in range(1, words // 10 + 1))
    return Exchange(f"{key}-x", NOW, f"what about {key}?", answer=" ".join(map(str, range(words))), tools=uses)


async def _live(path: Path, key: str) -> None:
    chats = Chats(path, lambda: NOW)
    await chats.begin(Conversation(key, began=NOW, changed=NOW))
    os.write(1, f"pid {os.getpid()}\n".encode())
    for words in count(1):
        await chats.keep(key, grown(words, key), NOW + words)
        if chats.trouble:
            os._exit(3)
        os.write(1, f"{words}\n".encode())


def main() -> None:
    """One life a line, until there are no more lines."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        path, key = line.split()
        if not os.fork():
            asyncio.run(_live(Path(path), key))


if __name__ == "__main__":
    main()
