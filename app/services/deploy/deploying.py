"""The verbs on deployments: deploy, plan, destroy, scale, replace, list, status.

Each verb holds the deployment's lock, writes its record after every change, tells every event to the journal and to
whoever asked, and leaves a state that the next run understands, however it ends. Events of one verb end with
`Told.ENDED`, which says what is billed on. Every verb raises DeployError; Declined where `confirm` said no.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from app.domain.deployment import NAME, DeployEvent, Deployment, InfraPlan, Pod, State, Step, Told, Wish
from app.services.deploy import bringing_up, destroying, rolling, scaling, steps_plan
from app.services.deploy.errors import stop, translated
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.history import archive, archive_told
from app.services.deploy.journal import Journal
from app.services.deploy.lock import holder
from app.services.deploy.plans import Confirm, Declined, How, Listen, Options, Proof, Question, Standing
from app.services.deploy.ports import DeployError, ProviderError
from app.services.deploy.record import RecordError, names, read_record
from app.services.deploy.run import Dry, Parts, Run
from app.services.deploy.standing import standing
from app.services.deploy.verb import carried_out, held, in_step

T = TypeVar("T")
USUAL = Options()
__all__ = ["Declined", "Deploys"]


class Deploys:
    """All deployments of one user on this machine."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def listed(self) -> tuple[Deployment, ...]:
        """Every deployment whose record can be read, those destroyed included, by name."""
        found = []
        for name in names(self._parts.state_dir):
            try:
                found.append(read_record(self.folder(name)))
            except (FileNotFoundError, RecordError):
                continue
        return tuple(found)

    def unreadable(self) -> Mapping[str, str]:
        """Why records cannot be read, by name: their pods may be billed, so they must not be left out of a list."""
        found = {}
        for name in names(self._parts.state_dir):
            try:
                read_record(self.folder(name))
            except FileNotFoundError:
                continue
            except RecordError as error:
                found[name] = str(error)
        return found

    def read(self, name: str) -> Deployment:
        """One of them. Raises DeployError (`no_such`, `record_broken`)."""
        try:
            return read_record(self.folder(name))
        except FileNotFoundError as error:
            raise stop("no_such", f"There is no deployment {name!r}", name=name) from error
        except RecordError as error:
            raise stop("record_broken", str(error), name=name, file=str(self.folder(name).record)) from error

    def folder(self, name: str) -> DeploymentFolder:
        """Where its files are; `follow` of the journal reads `folder(name).events`. Raises DeployError."""
        if not NAME.fullmatch(name):
            what = f"A deployment cannot be called {name!r}: small letters, digits and dashes, 24 at most"
            raise stop("bad_wish", what, name=name)
        return folder_of(self._parts.state_dir, name)

    def chosen(self, name: str = "") -> str:
        """The deployment that is meant where `name` may be left out. Raises DeployError where there are several."""
        if name:
            return name
        alive = [one.name for one in self.listed() if one.state is not State.DESTROYED]
        alive = sorted([*alive, *self.unreadable()])
        if len(alive) == 1:
            return alive[0]
        if not alive:
            raise stop("no_such", "There is no deployment", name="NAME")
        raise stop("which_one", f"There are {len(alive)} deployments: {', '.join(alive)}", name="NAME")

    async def deploy(self, wish: Wish | str, *, tell: Listen, confirm: Confirm, options: Options = USUAL) -> Deployment:
        """Bring a deployment up, from the first step that is not done; a name: as it was wished for before."""
        name = wish if isinstance(wish, str) else wish.name
        with self._held(name, "deploy", options):
            deployment = self._to_deploy(wish)
            return await self._do(Run(*self._made(deployment, tell, confirm, options)), bringing_up.bring_up)

    async def plan(self, wish: Wish | str, *, tell: Listen, options: Options = USUAL) -> InfraPlan:
        """What `deploy` would change at the provider; changes nothing there, nor in the record."""
        name = wish if isinstance(wish, str) else wish.name
        with held(self.folder(name), name, "plan", keeps_agreement=True):
            deployment = self._wished(wish)
            return await self._do(Dry(*self._made(deployment, tell, _yes, options)), _plan, state=None)

    async def destroy(self, name: str = "", *, tell: Listen, confirm: Confirm, options: Options = USUAL) -> Proof:
        """End all of it and prove that nothing is left; without a name: the only one there is."""
        name = self.chosen(name)
        with self._held(name, "destroy", options):
            deployment = await self._to_destroy(name)
            run = Run(*self._made(deployment, tell, confirm, options))
            return await self._do(run, destroying.tear_down, state=State.DESTROYING)

    async def scale(
        self, name: str, nodes: int, *, tell: Listen, confirm: Confirm, how: How = "wait", options: Options = USUAL
    ) -> Deployment:
        """Grow or shrink to so many nodes, the head counted; the newest workers go first, drained."""

        async def work(run: Run) -> Deployment:
            before = run.deployment.wish
            fault = steps_plan.faults_of(replace(before, nodes=nodes))
            if fault:
                raise stop("bad_wish", fault, name=name)
            await scaling.shrink(run, nodes, how)
            run.keep(wish=replace(before, nodes=nodes))
            try:
                return await bringing_up.bring_up(run, how)
            except Declined:
                run.keep(wish=before, nodes=tuple(node for node in run.deployment.nodes if node.pod_id))
                raise

        with self._held(name, "scale", options):
            return await self._do(Run(*self._made(self._alive(name), tell, confirm, options)), work)

    async def replace(
        self,
        name: str,
        nodes: tuple[str, ...],
        *,
        tell: Listen,
        confirm: Confirm,
        how: How = "wait",
        options: Options = USUAL,
    ) -> Deployment:
        """Give nodes (names or keys, or `all`) other pods, one after another, each drained first."""

        async def work(run: Run) -> Deployment:
            return await rolling.roll(run, nodes, how)

        with self._held(name, "replace", options):
            return await self._do(Run(*self._made(self._alive(name), tell, confirm, options)), work)

    async def status(self, name: str) -> Standing:
        """Record and provider side by side; a provider that cannot be asked is a `problem`, not an error."""
        deployment, now = self.read(name), self._parts.clock.now()
        held_by = holder(self.folder(name))
        try:
            return standing(deployment, await self._asked(name), now, held_by)
        except DeployError as error:
            return Standing(deployment, now, problem=error.trouble.what, held_by=held_by)

    async def logs(self, name: str, node: str, log: str, lines: int = 100) -> tuple[str, ...]:
        """The last lines of a log of a node's pod: `slurmctld`, `slurmd`, `munge`, `exporter`, `vllm`, `boot`."""
        deployment = self.read(name)
        found = scaling.node_named(deployment, node)
        if not found.pod_id:
            raise stop("not_formed", f"{found.name} has no pod, so there is no log of it", name=name)
        async with self._parts.hands(self.folder(name), deployment) as hands:
            return await hands.logs(found, log, lines)

    async def is_busy(self, name: str) -> bool | None:
        """Whether anybody uses a deployment's cluster; None: it cannot be told."""
        deployment = self.read(name)
        if deployment.head is None or not deployment.head.pod_id:
            return None
        try:
            async with self._parts.hands(self.folder(name), deployment) as hands:
                return await hands.is_busy(deployment.head)
        except DeployError:
            return None

    def note(self, deployment: Deployment, text: str, told: Told = Told.NOTE) -> None:
        """Write a word into a deployment's journal."""
        now = self._parts.clock.now()
        event = DeployEvent(now, told, text, per_hour=deployment.billing.per_hour, spent=deployment.billing.until(now))
        Journal(self.folder(deployment.name), self._parts.redact()).append(event)

    def _held(self, name: str, verb: str, options: Options) -> AbstractContextManager[None]:
        return held(self.folder(name), name, verb, keeps_agreement=options.keeps_agreement)

    def _made(
        self, deployment: Deployment, tell: Listen, confirm: Confirm, options: Options
    ) -> tuple[Parts, DeploymentFolder, Deployment, Listen, Confirm, Options]:
        return self._parts, self.folder(deployment.name), deployment, tell, confirm, options

    async def _do(self, run: Run, work: Callable[[Run], Awaitable[T]], *, state: State | None = State.FAILED) -> T:
        async with run:
            return await carried_out(run, work, state=state)

    def _wished(self, wish: Wish | str) -> Deployment:
        """The deployment that a verb is about, as it is wished for now. Raises DeployError."""
        name = wish if isinstance(wish, str) else wish.name
        now = self._parts.clock.now()
        try:
            known = self.read(name)
        except DeployError as error:
            if error.trouble.code != "no_such" or isinstance(wish, str):
                raise
            return bringing_up.fresh(wish, now)
        return known if isinstance(wish, str) else bringing_up.wished(known, wish, now)

    def _to_deploy(self, wish: Wish | str) -> Deployment:
        """The same; one that was destroyed begins anew, with the volume that it left; all else is kept aside."""
        deployment = self._wished(wish)
        if deployment.state is not State.DESTROYED:
            return deployment
        folder, now = self.folder(deployment.name), self._parts.clock.now()
        if deployment.volume_id:
            archive_told(folder, deployment.id)
            return bringing_up.again(deployment, now)
        archive(folder, deployment.id)
        return bringing_up.fresh(deployment.wish, now)

    async def _asked(self, name: str) -> tuple[Pod, ...]:
        """Every pod of the account. Raises DeployError."""
        try:
            provider = self._parts.provider()
            try:
                return await provider.pods()
            finally:
                await provider.close()
        except ProviderError as error:
            raise DeployError(translated(error, name)) from error

    def _alive(self, name: str) -> Deployment:
        deployment = self.read(name)
        if deployment.state is State.DESTROYED:
            raise stop("no_such", f"{name} was destroyed", name=name)
        return deployment

    async def _to_destroy(self, name: str) -> Deployment:
        """What is to be destroyed; where its record is lost, what the provider lists under its name."""
        try:
            return self.read(name)
        except DeployError:
            ids = destroying.ids_at(await self._asked(name), name)
            if len(ids) != 1:
                raise
            return replace(bringing_up.fresh(Wish(name), self._parts.clock.now()), id=ids[0])


async def _plan(run: Run) -> InfraPlan:
    await in_step(run, Step.CHECK, steps_plan.check)
    run.step = Step.PLAN
    return await steps_plan.only_plan(run)


async def _yes(_question: Question) -> bool:
    return True
