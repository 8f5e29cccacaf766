"""Starts a daemon that takes over from this one. It outlives this process, so no event loop owns it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping, Sequence

from app.transport.clock import Clock

PATIENCE_S = 180.0
_LOOK_S = 0.2
_NOT_ITS_OWN = ("WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What systemd says to one process by its number; the new one has another, and gets its sockets from this one."""


async def start_successor(command: Sequence[str], environ: Mapping[str, str], clock: Clock) -> str:
    """Start it and wait until it ends; then why it has not taken over. Where it does, this process ends first."""
    own = {name: value for name, value in environ.items() if name not in _NOT_ITS_OWN}
    try:
        process = await asyncio.to_thread(subprocess.Popen, command, env=own, stdin=subprocess.DEVNULL)
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror or error}"
    waited_s = 0.0
    while process.poll() is None:
        if waited_s >= PATIENCE_S:
            process.terminate()
            return f"it was not ready within {PATIENCE_S:.0f} s, and was ended"
        await clock.sleep(_LOOK_S)
        waited_s += _LOOK_S
    return f"it ended with status {process.returncode}"
