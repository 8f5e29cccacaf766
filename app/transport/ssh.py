"""Servers behind ssh: the system's own ssh carries local forwards over one connection a host.

Each host has one master connection (`ControlMaster`) in a private folder, and each server behind it a unix socket
there that stands for it. Names are made from the destination and the target, so every process of this user shares them:
a second `status` logs in nowhere. A master that carries nothing ends itself after `PERSIST_S` (`ControlPersist`); none
is left behind when we are killed. ssh uses the user's configuration, agent and known_hosts; it never asks (`BatchMode`)
and the checking of host keys is left exactly as the user has it.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from app.config.paths import deployments_ssh_config
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.transport.clock import Clock
from app.transport.destination import SshDestination, SshError
from app.transport.process import ProcessError, Result, run

PERSIST_S = 60
"""Seconds a connection that carries nothing is kept."""
LOGIN_TIMEOUT_S = 20.0
"""Seconds a login may take; longer than a scrape may: the next one finds it done."""
CONTROL_TIMEOUT_S = 5.0
"""Seconds the master may take to answer a request of ours."""
RETRY_S = 10.0
"""Seconds until a failed login is tried again; doubles with each failure."""
LONGEST_RETRY_S = 60.0
LONGEST_REFUSAL_S = 300.0
"""The same where ssh said no: many wrong logins get an address banned."""
LONGEST_SOCKET = 107
"""Bytes of a unix socket's path."""
_DIGEST_LENGTH = 12

_MASTER_OPTIONS = (
    *("BatchMode=yes", "ControlMaster=yes", f"ControlPersist={PERSIST_S}", "ConnectTimeout=10"),
    *("ServerAliveInterval=5", "ServerAliveCountMax=3"),
    # Only what we ask for: not the user's own forwards, agent, commands or terminal.
    *("ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no", "RemoteCommand=none"),
    *("RequestTTY=no", "Tunnel=no", "StreamLocalBindUnlink=yes", "StreamLocalBindMask=0177"),
)
_SESSION_OPTIONS = (
    *("BatchMode=yes", "ControlMaster=no", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no"),
    *("PermitLocalCommand=no", "RemoteCommand=none", "RequestTTY=no", "LogLevel=ERROR"),
    # Never a login beside the master's: a dead master would mean one at every look.
    "ProxyCommand=false",
)
SSH_FAILED = 255
"""Exit status of ssh itself; a command's own 255 cannot be told apart."""
_REFUSED = re.compile(r"permission denied|host key verification failed|too many authentication failures", re.IGNORECASE)


@frozen
class _Failure:
    """A login that failed, and when the next may be tried."""

    text: str
    retry_at: float
    wait_s: float


class SshForwards:
    """Forwards through ssh hosts, for one event loop."""

    def __init__(self, folder: Path, clock: Clock, options: Sequence[str] = (), *, config: Path | None = None) -> None:
        """`folder` is made private (0700); `options` are words for every ssh command, such as `-F FILE`.

        `config` is ssh's configuration whenever that file is there, asked at each use: one that comes while we run
        counts from then on.
        """
        self._folder = folder
        self._clock = clock
        self._fixed = tuple(options)
        self._config = config
        self._logins: dict[SshDestination, asyncio.Task[None]] = {}
        self._failures: dict[SshDestination, _Failure] = {}

    @property
    def _options(self) -> tuple[str, ...]:
        """Words for every ssh command, as things are now."""
        config = self._config
        return (*self._fixed, "-F", str(config)) if config is not None and config.exists() else self._fixed

    def path(self, destination: SshDestination, target: str) -> str:
        """The local socket that stands for `target` (`host:port`, or a socket's path) as seen from the host.

        Raises SshError when others could have put it there.
        """
        self._check_folder()
        return str(self._folder / f"f-{_digest(*self._options, str(destination), target)}")

    async def forward(self, destination: SshDestination, target: str) -> None:
        """Make the local socket lead to `target`, logging in where need be.

        Cancelled, it leaves the login going on: it may take longer than one scrape. Raises SshError.
        """
        words = ("-L", f"{self.path(destination, target)}:{target}")
        await self.connect(destination)
        # A forward of that name that leads nowhere (its socket was removed) would be taken for done.
        await self._control(destination, "cancel", *words)
        result = await self._control(destination, "forward", *words)
        if not result.ok:
            raise SshError(f"ssh {destination} forwards nothing to {target}: {_last_words(result)}")

    async def connect(self, destination: SshDestination) -> None:
        """See that there is a connection to a host, logging in where need be; cancelled, the login goes on.

        Raises SshError.
        """
        self._check_folder()
        if not await self._is_connected(destination):
            await asyncio.shield(self._login(destination))

    async def run(
        self, destination: SshDestination, command: str, timeout_s: float, *, stdin: bytes, max_output: int
    ) -> Result:
        """Run a command, quoted for the host's shell, over the connection that `connect` made.

        Raises SshError when the connection is lost, ProcessError as `process.run` does.
        """
        options = [word for option in _SESSION_OPTIONS for word in ("-o", option)]
        argv = ("ssh", *self._options, "-T", *options, "-S", self._master(destination), *destination.words, command)
        result = await run(argv, timeout_s, stdin=stdin, max_output=max_output)
        if result.returncode == SSH_FAILED:
            raise SshError(f"ssh {destination} lost the connection: {_last_words(result)}")
        return result

    async def configured(self, destination: SshDestination, timeout_s: float) -> dict[str, str]:
        """What ssh's configuration says of a host (`ssh -G`): keyword, in small letters, to its last value."""
        result = await run(("ssh", *self._options, "-G", *destination.words), timeout_s)
        lines = (line.partition(" ") for line in result.stdout.decode("utf-8", "replace").splitlines())
        return {key: value for key, _, value in lines}

    async def close(self) -> None:
        """End logins under way. Connections stay for whoever shares them, and end themselves when nobody does."""
        logins = list(self._logins.values())
        for login in logins:
            login.cancel()
        await asyncio.gather(*logins, return_exceptions=True)

    async def end(self, destination: SshDestination) -> None:
        """End the connection to a host now, for everybody who shares it."""
        await self._control(destination, "exit")

    def forgive(self, destination: SshDestination) -> None:
        """Let a login that failed be tried again at once: for who waits for a host that is coming up."""
        self._failures.pop(destination, None)

    def _login(self, destination: SshDestination) -> asyncio.Task[None]:
        """The login under way, or a new one. Raises SshError while a failed one may not be tried again."""
        under_way = self._logins.get(destination)
        if under_way is not None:
            return under_way
        failure = self._failures.get(destination)
        if failure is not None and self._clock.monotonic() < failure.retry_at:
            wait_s = failure.retry_at - self._clock.monotonic()
            raise SshError(f"{failure.text}; next try in {wait_s:.0f} s")
        login = asyncio.get_running_loop().create_task(self._log_in(destination), name=f"ssh {destination}")
        self._logins[destination] = login
        login.add_done_callback(lambda done: self._logged_in(destination, done))
        return login

    def _logged_in(self, destination: SshDestination, done: asyncio.Task[None]) -> None:
        del self._logins[destination]
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._failures.pop(destination, None)
            return
        before = self._failures.get(destination)
        most = LONGEST_REFUSAL_S if _REFUSED.search(str(error)) else LONGEST_RETRY_S
        wait_s = min(most, 2 * before.wait_s) if before else RETRY_S
        self._failures[destination] = _Failure(str(error), self._clock.monotonic() + wait_s, wait_s)

    async def _log_in(self, destination: SshDestination) -> None:
        options = [word for option in _MASTER_OPTIONS for word in ("-o", option)]
        argv = ("ssh", *self._options, *options, "-S", self._master(destination), "-f", "-N", *destination.words)
        try:
            result = await run(argv, LOGIN_TIMEOUT_S)
        except ProcessError as error:
            raise SshError(f"no connection to {destination}: {error}") from error
        if not result.ok:
            raise SshError(_refusal(destination, _last_words(result)))

    async def _is_connected(self, destination: SshDestination) -> bool:
        return self._has_master(destination) and (await self._control(destination, "check")).ok

    def _has_master(self, destination: SshDestination) -> bool:
        return self._socket(destination).exists()

    async def _control(self, destination: SshDestination, request: str, *words: str) -> Result:
        """Ask the master connection for something."""
        where = ("-S", self._master(destination), "-O", request)
        try:
            return await run(("ssh", *self._options, *where, *words, *destination.words), CONTROL_TIMEOUT_S)
        except ProcessError as error:
            raise SshError(f"the connection to {destination} is stuck: {error}") from error

    def _socket(self, destination: SshDestination) -> Path:
        """The socket of the connection to a host."""
        return self._folder / f"m-{_digest(*self._options, str(destination))}"

    def _master(self, destination: SshDestination) -> str:
        """The same as ssh is told it: it would expand a per cent sign."""
        return str(self._socket(destination)).replace("%", "%%")

    def _check_folder(self) -> None:
        """Make the folder, and see that nobody else can put a socket into it."""
        # ssh binds the master's socket under a longer name first: 17 bytes more.
        if len(bytes(self._folder)) + len("/m-") + _DIGEST_LENGTH + 17 > LONGEST_SOCKET:
            raise SshError(f"{self._folder}: too long a path for the sockets of ssh; choose a shorter state folder")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._folder.lstat()
        except OSError as error:
            raise SshError(f"{self._folder}: cannot be made for the sockets of ssh: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise SshError(f"{self._folder} is not a folder of your own that only you can enter: run chmod 700 on it")


def open_forwards(state_dir: Path, clock: Clock) -> SshForwards:
    """Forwards of this user's: nodes of their deployments are known by name, everything else is as their ssh has it."""
    return SshForwards(state_dir / "ssh", clock, config=deployments_ssh_config(state_dir))


def _digest(*words: str) -> str:
    """A short name for these words, on this machine: a folder in a shared home is every machine's."""
    import hashlib  # noqa: PLC0415 - late: for who has an ssh target

    told = "\0".join((os.uname().nodename, *words))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST_LENGTH]


def _last_words(result: Result) -> str:
    """The last line a command wrote to stderr, cleaned."""
    lines = [line for line in result.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return clean(lines[-1].strip(), 200) if lines else f"it ended with status {result.returncode} and no word"


def _refusal(destination: SshDestination, said: str) -> str:
    if "verification failed" in said:
        hint = f"its host key is unknown or has changed; run `{destination.command}` by hand and check it"
    elif _REFUSED.search(said):
        hint = f"`{destination.command} true` must work without a question: put a key into the agent or ~/.ssh/config"
    else:
        hint = f"try `{destination.command}` by hand"
    return f"ssh {destination} failed: {said.rstrip('.')}; {hint}"
