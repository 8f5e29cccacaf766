"""The simulator as a process of its own, so that its work is not on the screen's event loop.

The child says where it is on its standard output, in one line of JSON, and ends when its standard input does: a parent
that dies, however it dies, takes the child with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.sim.address import SimAddress
from app.sim.server import serve
from app.sim.spec import SimSpec

READY_S = 20.0


@dataclass(slots=True)
class SimProcess:
    """A simulator in a child process; whoever started it must close it."""

    address: SimAddress
    _child: asyncio.subprocess.Process

    async def close(self) -> None:
        """End the child."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        try:
            await asyncio.wait_for(self._child.wait(), 2.0)
        except TimeoutError:
            self._child.kill()
            await self._child.wait()


async def spawn(spec: SimSpec, *, origin: float | None = None, port: int = 0, home: Path | None = None) -> SimProcess:
    """Start the simulator in a child process and wait until it listens; `home` is that of `serve`.

    Raises OSError, for a person, when it does not come up.
    """
    asked = json.dumps({"spec": asdict(spec), "origin": origin, "port": port, "home": str(home or "")})
    pipe = asyncio.subprocess.PIPE
    # -P: the folder somebody works in may well hold an `app` of its own, which -m alone would take for ours.
    command = (sys.executable, "-P", "-m", "app.sim.process", asked)
    # And a checkout that nobody installed is found by where this very code lies.
    places = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    try:
        address = await asyncio.wait_for(_ready(child, spec), READY_S)
    except BaseException as error:
        if child.returncode is None:
            child.kill()
        await child.wait()
        if isinstance(error, TimeoutError):
            raise OSError(f"the simulator did not listen within {READY_S:g} s") from error
        raise
    return SimProcess(address, child)


async def _ready(child: asyncio.subprocess.Process, spec: SimSpec) -> SimAddress:
    if child.stdout is None or child.stderr is None:
        raise OSError("the simulator was started without pipes")
    line = await child.stdout.readline()
    if not line:
        complaint = (await child.stderr.read()).decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OSError(f"the simulator did not start: {complaint or 'it said nothing'}")
    told = json.loads(line)
    return SimAddress.of(spec, told["base_url"], told["origin"], told["token"])


async def _serve_until_alone(asked: str) -> None:
    """Serve until standard input ends."""
    wanted = json.loads(asked)
    spec, home = SimSpec(**wanted["spec"]), Path(wanted["home"]) if wanted["home"] else None
    running = await serve(spec, time.time, port=wanted["port"], origin=wanted["origin"], home=home)
    address = running.address
    told = {"base_url": address.base_url, "origin": address.origin, "token": address.token}
    os.write(1, f"{json.dumps(told)}\n".encode())
    alone = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, _hear, alone)
    try:
        await alone.wait()
    finally:
        await running.close()


def _hear(alone: asyncio.Event) -> None:
    """Notice the end of standard input; whatever else comes is ignored."""
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        alone.set()


def main(arguments: Sequence[str]) -> int:
    """Run the child."""
    try:
        asyncio.run(_serve_until_alone(arguments[0]))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
