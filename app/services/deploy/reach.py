"""A pod that is said to run is not there yet: its port answers, its sshd says who it is, a login works; in that order.

A port that is mapped takes connections before anything listens behind it, so a connection alone proves nothing.
"""

from __future__ import annotations

import asyncio

from app.domain.deployment import Address, Node, Pod, Trouble
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.deploy import marks, ssh_files
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.ports import DeployError, Tell
from app.transport.clock import Clock
from app.transport.destination import SshDestination, SshError
from app.transport.process import ProcessError, run
from app.transport.ssh import SshForwards

BANNER = b"SSH-"
LOOK_S = 5.0
"""Seconds one look at a port may take."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
TELL_EVERY_S = 15.0
"""Seconds between two words on a pod that is still waited for."""
SCAN_S = 15.0
_OF_THE_FOLDER = ("sockets of ssh", "folder of your own")
"""What is said of a folder that sockets cannot be in; waiting mends none of it."""


@frozen
class Look:
    """What one look at a pod's port found."""

    banner: str = ""
    """Of its sshd; empty: not there yet, and `why` says what is instead."""
    why: str = ""
    code: str = ""


@frozen
class Waiting:
    """How long, and how, a pod is waited for."""

    clock: Clock
    within_s: float
    tell: Tell


async def look_at(address: Address) -> Look:
    """Connect, and hear whether an sshd is there."""
    try:
        async with asyncio.timeout(LOOK_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError:
        return Look(why="nothing answered within 5 s", code="ssh_timeout")
    except ConnectionRefusedError:
        return Look(why="the connection was refused", code="ssh_refused")
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        return Look(why=clean(text, 120), code="ssh_unreachable")
    if line.startswith(BANNER):
        return Look(banner=clean(line.decode("ascii", "replace").strip(), 100))
    why = f"something that is no sshd said {clean(line.decode('utf-8', 'replace').strip(), 60)!r}"
    return Look(why=why if line else "the connection was closed without a word", code="no_banner")


async def await_banner(node: Node, address: Address, waiting: Waiting) -> str:
    """Look again and again, ever more seldom, until an sshd is there; its banner. Raises DeployError."""
    clock, began, wait_s, told_at = waiting.clock, waiting.clock.monotonic(), FIRST_WAIT_S, 0.0
    while True:
        found = await look_at(address)
        passed_s = clock.monotonic() - began
        if found.banner:
            return found.banner
        if passed_s + wait_s > waiting.within_s:
            raise DeployError(_never_came(node, address, found, waiting.within_s))
        if passed_s - told_at >= TELL_EVERY_S:
            told_at = passed_s
            text = f"{node.name} is not there yet after {passed_s:.0f} s: {found.why}"
            waiting.tell(text, node=node.name, fraction=passed_s / waiting.within_s)
        await clock.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, 1.5 * wait_s)


async def take_key(node: Node, pod: Pod, address: Address, folder: DeploymentFolder, clock: Clock) -> bool:
    """Take the host key of a pod if it was never taken; whether it was now. Raises DeployError."""
    if ssh_files.is_pinned(folder, pod.id):
        return False
    for is_last in (False, False, True):
        if await _scanned(node, pod, address, folder):
            return True
        if not is_last:  # an sshd that has just come up turns some away
            await clock.sleep(1.0)
    sentence = f"the sshd of {node.name} at {address.host}:{address.port} gave no host key"
    raise DeployError(marks.trouble("no_host_key", node.name, sentence))


async def _scanned(node: Node, pod: Pod, address: Address, folder: DeploymentFolder) -> bool:
    """Ask for the host keys once; whether there were any. Raises DeployError where that cannot be asked."""
    argv = ("ssh-keyscan", "-T", "5", "-p", str(address.port), address.host)
    try:
        result = await run(argv, SCAN_S)
    except ProcessError as error:
        sentence = f"the host key of {node.name} could not be asked for: {error}"
        raise DeployError(marks.trouble("no_ssh", node.name, sentence)) from error
    return ssh_files.pin(folder, pod.id, result.stdout.decode("ascii", "replace")) > 0


async def log_in(node: Node, folder: DeploymentFolder, forwards: SshForwards, waiting: Waiting) -> None:
    """Open the connection that is kept; one that fails for the moment is tried again. Raises DeployError."""
    destination = SshDestination(node.name)
    began, wait_s = waiting.clock.monotonic(), FIRST_WAIT_S
    while True:
        forwards.forgive(destination)
        try:
            await forwards.connect(destination)
        except SshError as error:
            trouble = refusal(node, str(error), folder)
            is_late = waiting.clock.monotonic() - began + wait_s > waiting.within_s
            if trouble.code != "login_failed" or is_late:
                raise DeployError(trouble) from error
        else:
            return
        await waiting.clock.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, 1.5 * wait_s)


def refusal(node: Node, said: str, folder: DeploymentFolder) -> Trouble:
    """Why a login failed, for a person."""
    text = clean(said.partition("; ")[0], 300)
    if "verification failed" in said.lower():
        sentence = (
            f"the host key of {node.name} is not the one in {folder.known_hosts}, taken when it was first reached"
        )
        return marks.trouble("host_key_changed", node.name, sentence, (text,))
    if "permission denied" in said.lower() or "too many authentication" in said.lower():
        return marks.trouble("ssh_key_refused", node.name, f"{node.name} does not let our key in", (text,))
    if any(sign in said for sign in _OF_THE_FOLDER):
        sentence = f"no connection to {node.name} can be kept: {clean(said, 300)}"
        return marks.trouble("no_sockets", node.name, sentence)
    return marks.trouble("login_failed", node.name, f"no login on {node.name}: {text}")


def _never_came(node: Node, address: Address, found: Look, within_s: float) -> Trouble:
    sentence = f"{node.name} was not reached within {within_s:.0f} s at {address.host}:{address.port}: {found.why}"
    return marks.trouble(found.code, node.name, sentence)
