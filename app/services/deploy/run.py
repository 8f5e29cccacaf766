"""One run of a verb on one deployment: its parts, its record, its journal, and the step that is under way.

Whatever a run changes it writes down before and after, so that the next run knows of it even if this one is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from app.domain.deployment import (
    STEPS,
    DeployEvent,
    Deployment,
    InfraPlan,
    Node,
    Pod,
    State,
    Step,
    Told,
    Trouble,
    Turn,
    Wish,
)
from app.domain.frozen import frozen
from app.services.deploy.errors import stop, words_of_billing
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.journal import Journal
from app.services.deploy.plans import Confirm, Declined, Listen, Options, Question
from app.services.deploy.ports import Hands, Infra, Provider, Tell
from app.services.deploy.record import write_record
from app.services.deploy.secrets import Redact
from app.transport.clock import Clock


@frozen
class Pace:
    """How long is waited, and how often looked; all in seconds."""

    poll_s: float = 5.0
    """Between two looks at the provider's list: it allows 60 requests a minute for everything."""
    ready_s: float = 1500.0
    """A pod may take this long to run and to have its ssh port mapped, its image's pull included."""
    sweep_s: tuple[float, ...] = (0.0, 2.0, 4.0, 8.0, 12.0)
    """Pauses before each look for orphans after an apply that did not end well: one may appear late."""
    finish_s: float = 60.0
    """What is left to do after Ctrl-C may take this long."""
    again_s: float = 45.0
    """A candidate without capacity is tried again after this."""
    retry_s: float = 3.0
    """First pause before the same candidate is tried again after an error that passes; doubled each time."""
    proof_s: float = 4.0
    """Between two looks of a proof."""
    proof_most_s: float = 420.0
    """A pod that was ended must be gone from the provider's list by then."""
    locked_s: float = 900.0
    """A Terraform that outlived a killed run may hold the state this long."""
    jobs_s: float = 5.0
    """Between two looks at the jobs of a node that is to go."""
    asked_s: float = 8.0
    """Before all of it is destroyed, the head has this long to name the jobs that run."""


@frozen
class Parts:
    """What a run is made with; `building` brings the real ones."""

    state_dir: Path
    clock: Clock
    provider: Callable[[], Provider]
    """Raises DeployError where there is no key."""
    infra: Callable[[DeploymentFolder, Callable[[str], None]], Infra]
    """Its log takes what Terraform says. Raises DeployError where there is no key."""
    hands: Callable[[DeploymentFolder, Deployment], AbstractAsyncContextManager[Hands]]
    public_key: Callable[[DeploymentFolder], Awaitable[str]]
    """The deployment's public ssh key, made where there is none."""
    watch: Callable[[DeploymentFolder, Deployment, Mapping[str, Pod]], None]
    """Says where screen, commands and daemon find what is to be watched."""
    unwatch: Callable[[DeploymentFolder], None]
    """Takes that back."""
    redact: Callable[[], Redact] = lambda: lambda text: text
    needed: Callable[[Deployment], None] = lambda _deployment: None
    """Sees that what its steps will read is there, before anything is made. Raises DeployError."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """$/h of a GPU where the catalogue names none."""
    pace: Pace = Pace()


class Changes(TypedDict, total=False):
    """What of a deployment may be changed at once."""

    wish: Wish
    state: State
    done: tuple[Step, ...]
    nodes: tuple[Node, ...]
    trouble: Trouble | None
    deadline_at: float | None
    destroyed_at: float | None
    volume_id: str
    volume_center: str
    turns: tuple[Turn, ...]
    formed_on: str


class Run:
    """A run on a deployment whose lock is held."""

    def __init__(
        self,
        parts: Parts,
        folder: DeploymentFolder,
        deployment: Deployment,
        tell: Listen,
        confirm: Confirm,
        options: Options,
    ) -> None:
        self.parts, self.folder, self.options = parts, folder, options
        self.clock, self.pace = parts.clock, parts.pace
        self.deployment = self._found = deployment
        self.step: Step | None = None
        self.plan: InfraPlan | None = None
        """What was confirmed and not applied yet."""
        self.pods: dict[str, Pod] = {}
        """By node key, as the last look at the provider's list had them."""
        self.renewed: set[str] = set()
        """Keys of nodes whose pod was replaced in this run: it is done once."""
        self.gone: set[str] = set()
        """Ids of pods that this run found ended by somebody else."""
        self.amend: Callable[[Trouble], Trouble] = lambda told: told
        """What a verb has to add where it cannot go on."""
        self._written: Deployment | None = None
        self._tell, self._confirm = tell, confirm
        self._journal = Journal(folder, parts.redact())
        self._provider: Provider | None = None
        self._infra: Infra | None = None
        self._hands: Hands | None = None
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._hands = await self._open.enter_async_context(self.parts.hands(self.folder, self.deployment))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    @property
    def name(self) -> str:
        """The deployment's."""
        return self.deployment.name

    @property
    def provider(self) -> Provider:
        """The provider, asked for at first use. Raises DeployError without a key."""
        if self._provider is None:
            self._provider = self.parts.provider()
            self._open.push_async_callback(self._provider.close)
        return self._provider

    @property
    def infra(self) -> Infra:
        """Terraform in this deployment's folder."""
        if self._infra is None:
            self._infra = self.parts.infra(self.folder, self.log)
        return self._infra

    @property
    def hands(self) -> Hands:
        """What works on the pods."""
        if self._hands is None:
            raise AssertionError("a run is entered before it is used")
        return self._hands

    async def forget(self, node: Node) -> None:
        """Let go of the pod that plays a node; another one will."""
        await self.hands.forget(node)

    def keep(self, **changes: Unpack[Changes]) -> None:
        """Change the deployment and write it down, where that is news. Raises OSError."""
        self.deployment = replace(self.deployment, **changes)
        if self.deployment != self._written:
            write_record(self.folder, self.deployment)
            self._written = self.deployment

    def keep_node(self, node: Node) -> None:
        """Change one node and write it down. Raises OSError."""
        self.keep(nodes=tuple(node if one.key == node.key else one for one in self.deployment.nodes))

    def bill(self, per_hour: float) -> None:
        """From now on it costs this much an hour; written with the next `keep`."""
        billing = self.deployment.billing
        if abs(billing.per_hour - per_hour) > 1e-9 or (per_hour and not billing.at):
            now = self.clock.now()
            self.deployment = replace(self.deployment, billing=billing.changed(now, per_hour))

    def node(self, key: str) -> Node:
        """The node with a key. Raises KeyError."""
        return {node.key: node for node in self.deployment.nodes}[key]

    def say(
        self, text: str, told: Told = Told.NOTE, *, node: str = "", fraction: float | None = None, **more: object
    ) -> None:
        """Tell that something happened, to the journal and to whoever asked."""
        now, billing = self.clock.now(), self.deployment.billing
        event = DeployEvent(now, told, text, self.step, node, fraction, billing.per_hour, billing.until(now), more)
        self._tell(self._journal.append(event))

    def log(self, text: str) -> None:
        """A line for the log alone."""
        self._journal.log(self.clock.now(), text)

    @property
    def teller(self) -> Tell:
        """What parts tell their progress to; they may call a node by its key or by its name."""

        def tell(text: str, node: str = "", fraction: float | None = None, **more: object) -> None:
            named = next((one.name for one in self.deployment.nodes if one.key == node), node)
            told = Told.WARNING if more.pop("is_warning", False) else Told.PROGRESS
            self.say(text, told, node=named, fraction=fraction, **more)

        return tell

    async def agreed(self, question: Question) -> None:
        """Ask whoever decides. Raises Declined."""
        if not await self._confirm(question):
            raise Declined

    def failed(self, trouble: Trouble, *, state: State | None = State.FAILED) -> Trouble:
        """Write down and tell why the run cannot go on; a state of None leaves the record alone.

        So does a run that failed before it changed anything: a mistyped node makes no sick cluster of one that runs.
        """
        told = self.amend(trouble if trouble.step is not None else replace(trouble, step=self.step))
        redact = self.parts.redact()
        told = replace(told, what=redact(told.what), details=tuple(redact(line) for line in told.details))
        if state is not None and not (state is State.FAILED and self._is_as_found):
            try:
                self.keep(state=state, trouble=told)
            except OSError as error:
                self.say(f"the record could not be written: {error.strerror or error}", Told.WARNING)
        details = list(told.details)
        self.say(told.what, Told.FAILED, node=told.node, code=told.code, next=told.next, details=details)
        return told

    @property
    def _is_as_found(self) -> bool:
        """The cluster was ready when the run began, and nothing that is kept of it is different now."""
        billing = self._found.billing
        return self._found.state is State.READY and replace(self.deployment, billing=billing) == self._found

    def ended(self, *, ok: bool) -> None:
        """The last word of a run: what is billed on."""
        self.step = None
        words = words_of_billing(self.deployment, self.clock.now())
        is_billed = self.deployment.billing.per_hour > 0
        self.say(words, Told.ENDED, ok=ok, state=self.deployment.state.value, billed=is_billed)


class Dry(Run):
    """A run that only looks: its record is changed in memory, and no pod's connection is touched."""

    def keep(self, **changes: Unpack[Changes]) -> None:
        self.deployment = replace(self.deployment, **changes)

    async def forget(self, node: Node) -> None:
        """The pod goes on."""


async def finish(work: Coroutine[Any, Any, None], within_s: float) -> bool:
    """Do what has to be done although this task was cancelled; whether it came to its end.

    A second cancel, or the time, ends it: whoever presses Ctrl-C twice wants out.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=within_s)
    except asyncio.CancelledError:
        task.cancel()
    if not task.done():
        task.cancel()
    await asyncio.wait({task})
    if task.cancelled():
        return False
    task.result()
    return True


def before(step: Step) -> tuple[Step, ...]:
    """The steps that come before one."""
    return STEPS[: STEPS.index(step)]


def must_have_time(run: Run) -> None:
    """See that its time to live is not over. Raises DeployError."""
    deadline_at = run.deployment.deadline_at
    if deadline_at is not None and run.clock.now() >= deadline_at:
        raise stop("too_late", f"The time to live of {run.name} is over.", name=run.name)


def must_have_head(run: Run) -> Node:
    """The head of a cluster that was formed. Raises DeployError."""
    head = run.deployment.head
    if head is None or not head.pod_id:
        raise stop("not_formed", f"{run.name} has no head: its cluster was never formed.", name=run.name)
    return head
