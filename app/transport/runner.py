"""Where commands run: on this machine, or on a host behind the system's ssh. Words in, a result out; no shell of ours.

A runner knows nothing of what it runs. The environment is handed in by who knows the commands: a whole one for this
machine; for a host, the variables to set and those to take away, since what is set there is not known here.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from app.domain.frozen import frozen
from app.transport.destination import SshDestination
from app.transport.process import MAX_OUTPUT, ProcessError, Result, TimedOutError, run

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.ssh import SshForwards

FAR_GRACE_S = 0.5
"""A command on a host is ended there this much before we give up on it here, so that it can still say so."""
_TIMED_OUT = 124
"""Exit status of timeout(1)."""
_KILLED = 137
_CONFIG_TIMEOUT_S = 5.0


class Runner(Protocol):
    """Runs commands somewhere."""

    @property
    def where(self) -> str:
        """For people: `this machine`, `ana@head`."""

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = MAX_OUTPUT
    ) -> Result:
        """Run a command to its end. Raises ProcessError (TimedOutError where time is over) or SshError."""

    async def user(self) -> str:
        """Whom commands run as. Raises ProcessError."""


@frozen
class LocalRunner:
    """Runs commands on this machine, in an environment of its own."""

    environ: Mapping[str, str]
    """The whole of it."""
    where: str = "this machine"

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = MAX_OUTPUT
    ) -> Result:
        """Run a command to its end, with its whole group killed when time is over."""
        return await run(argv, timeout_s, env=self.environ, stdin=stdin, max_output=max_output)

    async def user(self) -> str:
        """The user this process runs as."""
        return invoking_user()


@frozen
class SshRunner:
    """Runs commands on a host, over the one connection that is kept to it."""

    destination: SshDestination
    forwards: SshForwards
    setting: Mapping[str, str]
    """Variables given to each command."""
    unsetting: tuple[str, ...] = ()
    """Names of variables taken away from it."""

    @property
    def where(self) -> str:
        return str(self.destination)

    async def run(
        self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = MAX_OUTPUT
    ) -> Result:
        """Run a command to its end; a login under way counts, and goes on when time is over.

        Killing ssh here does not end what runs there, so timeout(1) of that host does, and nothing piles up.
        """
        name = PurePath(argv[0]).name
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                await self.forwards.connect(self.destination)
        except TimeoutError as error:
            raise TimedOutError(f"no connection to {self.where} within {timeout_s:g} s; the login goes on") from error
        left_s = max(0.1, timeout_s - (loop.time() - began))
        command = shlex.join(self.words(argv, max(0.1, left_s - FAR_GRACE_S)))
        try:
            result = await self.forwards.run(self.destination, command, left_s, stdin=stdin, max_output=max_output)
        except TimedOutError as error:
            raise TimedOutError(f"{name} on {self.where} did not end within {timeout_s:g} s") from error
        except ProcessError as error:
            raise ProcessError(f"{name} on {self.where}: {error}") from error
        if result.returncode in (_TIMED_OUT, _KILLED) and result.duration_s >= left_s - FAR_GRACE_S - 0.1:
            raise TimedOutError(f"{name} on {self.where} did not end within {timeout_s:g} s and was killed")
        return replace(result, command=name)

    def words(self, argv: Sequence[str], timeout_s: float) -> tuple[str, ...]:
        """What the host is told to run, before it is quoted for its shell."""
        without = [word for name in self.unsetting for word in ("-u", name)]
        variables = [f"{name}={value}" for name, value in self.setting.items()]
        env = ("env", *without, *variables) if without or variables else ()
        return (*env, "timeout", "-k", "1", f"{timeout_s:.1f}", *argv)

    async def user(self) -> str:
        """Whom ssh logs in as; its configuration is asked, not the host."""
        if self.destination.user:
            return self.destination.user
        told = await self.forwards.configured(self.destination, _CONFIG_TIMEOUT_S)
        return told.get("user", "") or invoking_user()


def invoking_user() -> str:
    """The name of the user this process runs as; the number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
