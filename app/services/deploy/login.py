"""Commands and pages of a deployment's pods, over the one connection that is kept to each: failures become troubles.

The scripts may all be repeated, so one that lost its connection is run once more over a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

from app.config.secret import Secret
from app.domain.deployment import Node, Trouble
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.deploy import marks
from app.services.deploy.ports import DeployError
from app.transport.clock import Clock
from app.transport.destination import SshDestination, SshError
from app.transport.endpoint import parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.process import ProcessError, Result, TimedOutError
from app.transport.runner import SshRunner
from app.transport.scrape import ScrapeClient
from app.transport.ssh import SshForwards

HOME = "/opt/gpu-watchdog"
"""Where everything of ours lies on a pod."""
SETUP = f"{HOME}/setup"
MOST_OUTPUT = 4 * 1024 * 1024
EXPORTER = "http://127.0.0.1:9400"
MODEL = "http://127.0.0.1:8000"


@frozen
class Tokens:
    """What the servers on the pods ask for; made for one deployment."""

    exporter: Secret
    model: Secret


@frozen
class Pods:
    """The pods of one deployment, by the names of their nodes."""

    forwards: SshForwards
    client: ScrapeClient
    clock: Clock

    async def script(self, node: Node, name: str, *args: str, within_s: float, stdin: bytes = b"") -> dict[str, str]:
        """Run one of our scripts on a pod; the facts it printed. Raises DeployError with what it said."""
        result = await self.command(node, ("bash", f"{SETUP}/{name}", *args), within_s=within_s, stdin=stdin)
        if not result.ok:
            raise DeployError(marks.failure(node.name, name, result))
        return marks.facts_of(result.stdout)

    async def must(self, node: Node, argv: Sequence[str], *, within_s: float, stdin: bytes = b"") -> str:
        """Run a command that has to succeed; what it printed. Raises DeployError."""
        result = await self.command(node, argv, within_s=within_s, stdin=stdin)
        if not result.ok:
            raise DeployError(marks.failure(node.name, argv[0], result))
        return result.stdout.decode("utf-8", "replace")

    async def command(self, node: Node, argv: Sequence[str], *, within_s: float, stdin: bytes = b"") -> Result:
        """Run a command on a pod. Raises DeployError where it cannot be run or takes too long."""
        runner = SshRunner(SshDestination(node.name), self.forwards, {"LC_ALL": "C"})
        for is_last in (False, True):
            try:
                return await runner.run(argv, within_s, stdin=stdin, max_output=MOST_OUTPUT)
            except SshError as error:
                if is_last:
                    _lost(node, error)
                self.forwards.forgive(runner.destination)
            except TimedOutError as error:
                if str(error).startswith("no connection"):
                    _lost(node, error)
                raise DeployError(_slow(node, argv, within_s)) from error
            except ProcessError as error:
                _lost(node, error)
        raise AssertionError("the second time is the last")

    async def page(self, node: Node, url: str, token: Secret | None, *, within_s: float) -> bytes:
        """A page of a server on a pod. Raises ScrapeError."""
        endpoint = parse_endpoint(url, token=token or None, ssh=node.name)
        return (await self.client.get(endpoint, within_s)).body

    async def answers(self, node: Node, url: str, token: Secret | None, *, within_s: float) -> str:
        """Why a server on a pod does not answer; empty: it does."""
        try:
            await self.page(node, url, token, within_s=within_s)
        except ScrapeError as error:
            return str(error)
        return ""


def name_of(argv: Sequence[str]) -> str:
    """What a command is called for people."""
    return argv[1].rpartition("/")[2] if argv[0] == "bash" and len(argv) > 1 else argv[0]


def _slow(node: Node, argv: Sequence[str], within_s: float) -> Trouble:
    sentence = f"{name_of(argv)} on {node.name} did not end within {within_s:g} s and was ended"
    return marks.trouble("script_timeout", node.name, sentence)


def _lost(node: Node, error: SshError | ProcessError) -> Never:
    """Raises DeployError for a connection that went."""
    sentence = f"the connection to {node.name} was lost: {clean(str(error), 300).rstrip('.')}"
    raise DeployError(marks.trouble("connection_lost", node.name, sentence)) from error
