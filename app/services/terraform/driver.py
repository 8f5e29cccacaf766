"""Terraform behind the steps of a deployment (`Infra`): plans shown before they are applied, errors joined to nodes.

One folder a deployment, one state in it. Nothing here retries an apply: what is not there after one is planned again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.config.secret import Secret
from app.domain.deployment import Deployment, InfraPlan
from app.domain.frozen import frozen
from app.services.deploy.ports import Applied, InfraError, Tell
from app.services.terraform.addresses import VOLUME_KEY, address_of
from app.services.terraform.commands import Commands, failed, refuse_other_speech, unboxed
from app.services.terraform.environment import Configuration, child_environment
from app.services.terraform.hearing import Hearing
from app.services.terraform.overlay import Overlay, read_overlay
from app.services.terraform.plan import parse_plan
from app.services.terraform.process import Ended
from app.services.terraform.state import Held, parse_state
from app.services.terraform.words import failure_kind
from app.services.terraform.workspace import Workspace, variables_of

GRACE_S = 600.0
"""How long an interrupted apply may end what is under way: a create may take minutes, and giving up leaks its pod."""
LOCK_TIMEOUT_S = 30
INIT = ("init", "-input=false", "-no-color")
NOTHING = "No matching objects found", "Invalid target address", "No such resource instance", "No state file was found"
"""What `state rm` says of an address that is not in the state."""
_REFUSED = frozenset({"stale", "locked", "init", "version", "config"})
"""Kinds of failure of an apply that has not touched anything."""


@frozen
class Setup:
    """How Terraform is run for this user, whatever the deployment."""

    environ: Mapping[str, str]
    """The user's."""
    api_key: Secret
    base_url: str = ""
    """Of the provider's API, without `/v2`; empty: its own."""
    command: str = ""
    """Empty: `terraform`, else `tofu`, on the path."""
    overlay: str = ""
    """Folder of the user's own `.tf` files; empty: none."""


class Terraform:
    """Terraform in one deployment's folder; one command at a time (`deploy` holds a lock of its own)."""

    def __init__(
        self,
        folder: Path,
        setup: Setup,
        log: Callable[[str], None] = lambda _line: None,
        grace_s: float = GRACE_S,
        lock_timeout_s: int = LOCK_TIMEOUT_S,
    ) -> None:
        """`log` is told every line that Terraform says, free of the key."""
        self._overlay = Path(setup.overlay).expanduser() if setup.overlay else None
        self._environ = child_environment(setup.environ, setup.api_key, setup.base_url, has_overlay=bool(setup.overlay))
        self._workspace = Workspace(folder)
        self._commands = Commands(self._workspace, self._environ, setup.api_key, setup.command, log)
        self._log = log
        self._grace_s = grace_s
        self._lock = f"-lock-timeout={lock_timeout_s}s"
        self._name = ""
        self._prices: dict[str, float | None] = {}

    async def prepare(self, deployment: Deployment, public_key: str) -> None:
        """Lay the module, the user's files and the variables out; initialise where they ask for something new."""
        binary = await self._commands.binary()
        # In a thread: reading Terraform's language takes a tenth of a second.
        overlay = await asyncio.to_thread(read_overlay, self._overlay) if self._overlay else Overlay()
        # Asked only where it may matter: most deployments never adopt a pod.
        spare = self._workspace.spares_adopted() and bool((await self._held()).bare)
        self._workspace.lay_out(variables_of(deployment, public_key), overlay, spare_adopted=spare)
        self._name = deployment.name
        self._prices = {node.key: node.offer.price for node in deployment.nodes}
        configuration = Configuration.read(self._environ)
        fingerprint = self._workspace.fingerprint(binary.path, binary.words, configuration.text)
        if not self._workspace.is_ready(fingerprint):
            # Under overrides a registry would be asked in vain; whatever is missing then, the plan finds out.
            if not configuration.has_overrides:
                await self._fetched(INIT)
            self._workspace.ready(fingerprint)

    async def plan(self, *, destroy: bool = False, replace: Sequence[str] = ()) -> InfraPlan:
        """Look at what is there and say what would change; a provider that is gone from the folder is fetched again."""
        self._must_be_laid_out()
        file = self._workspace.plan_file(is_destroy=destroy)
        words = ["plan", "-json", "-input=false", self._lock, f"-out={file}"]
        words += ["-destroy"] if destroy else []
        words += [f"-replace={_address(key)}" for key in replace]
        hearing, ended = await self._planned(words)
        if ended.returncode != 0:
            raise self._failure("plan", hearing, ended)
        shown = await self._commands.look("show", "-json", "-no-color", str(file))
        if not shown.ok:
            raise failed("show", (), shown.stderr.decode("utf-8", "replace"))
        return parse_plan(shown.stdout, str(file), self._prices, is_destroy=destroy)

    async def apply(self, plan: InfraPlan, tell: Tell) -> Applied:
        """Apply a saved plan, and say what is in the state then.

        Raises InfraError (`stale`, `locked`, …) where it was refused before anything was done; what fails on the way
        is in `errors`. A Terraform that somebody else stopped or killed counts as interrupted, too.
        """
        if not _is_there(plan.file):
            raise InfraError("the saved plan is gone; plan again", "stale")
        words = ["apply", "-json", "-input=false", self._lock, plan.file]
        hearing, ended = await self._heard(words, tell, len(plan.changes), self._grace_s)
        held = await self._held()
        if ended.returncode == 0:
            return Applied(ok=True, pods=held.pods)
        if not hearing.has_begun and failure_kind(hearing.errors, ended.stderr) in _REFUSED:
            raise self._failure("apply", hearing, ended)
        was_interrupted = ended.was_interrupted or ended.returncode < 0 or hearing.is_interrupted
        errors = hearing.by_node()
        if ended.returncode < 0:
            errors = (*errors, ("", f"Terraform was ended from outside (signal {-ended.returncode})"))
        if not errors and not was_interrupted:
            errors = tuple(("", line) for line in unboxed(ended.stderr)) or (("", "Terraform ended without a word"),)
        return Applied(ok=False, pods=held.pods, errors=errors, was_interrupted=was_interrupted)

    async def pods(self) -> Mapping[str, str]:
        """Pod ids by node key; asks no provider, and needs none."""
        return (await self._held()).pods

    async def volume(self) -> str:
        """Id of the network volume that is the deployment's own."""
        return (await self._held()).volume

    async def forget(self, key: str) -> None:
        """Take a pod (key `volume`: the network volume) off the state; what is not in it is fine."""
        ended = await self._commands.plain("state", "rm", self._lock, _address(key))
        self._workspace.tighten()
        if ended.returncode != 0 and not any(words in ended.stderr for words in NOTHING):
            raise failed("state rm", (), ended.stderr)

    async def adopt(self, key: str, pod_id: str) -> None:
        """Take a pod (key `volume`: a network volume) into the state; the same one twice is fine."""
        if not pod_id or pod_id.startswith("-"):
            raise InfraError(f"{pod_id!r} is no id", "config")
        held = await self._held()
        if pod_id == (held.volume if key == VOLUME_KEY else held.pods.get(key)):
            return
        self._must_be_laid_out()
        ended = await self._commands.plain("import", "-input=false", "-no-color", self._lock, _address(key), pod_id)
        self._workspace.tighten()
        if ended.returncode != 0:
            raise failed("import", (), ended.stderr)
        if key in (await self._held()).bare:
            self._workspace.spare_adopted()

    async def _heard(
        self, words: Sequence[str], tell: Tell | None = None, total: int = 0, grace_s: float | None = None
    ) -> tuple[Hearing, Ended]:
        """Run a command that speaks JSON; whatever comes of it, its files are the owner's alone."""
        hearing = Hearing(tell or _tell_nobody, self._log, self._named, total)
        try:
            if grace_s is None:
                ended = await self._commands.act(words, hearing.heard)
            else:
                ended = await self._commands.act(words, hearing.heard, grace_s)
        finally:
            self._workspace.tighten()
        refuse_other_speech(hearing)
        return hearing, ended

    async def _planned(self, words: Sequence[str]) -> tuple[Hearing, Ended]:
        """Run a plan; where a module or a provider turns out to be missing, get it and run it again."""
        hearing, ended = await self._heard(words)
        for fetch in (("get", "-no-color"), INIT):
            if ended.returncode == 0 or failure_kind(hearing.errors, ended.stderr) != "init":
                break
            self._workspace.ready("")
            await self._fetched(fetch)
            hearing, ended = await self._heard(words)
        return hearing, ended

    async def _fetched(self, words: Sequence[str]) -> None:
        """Get what the files ask for. Raises InfraError (`init`) with what stood in the way."""
        ended = await self._commands.plain(*words)
        if ended.returncode != 0:
            error = failed(words[0], (), ended.stderr)
            raise InfraError(str(error), "init", error.details)

    async def _held(self) -> Held:
        """What the state holds; nothing where there is no folder yet."""
        if not self._workspace.path.is_dir():
            return Held()
        result = await self._commands.look("state", "pull")
        if not result.ok:
            raise failed("state pull", (), result.stderr.decode("utf-8", "replace"))
        return parse_state(result.stdout)

    def _failure(self, verb: str, hearing: Hearing, ended: Ended) -> InfraError:
        if ended.was_interrupted or ended.returncode < 0:
            return InfraError(f"terraform {verb} was interrupted; nothing was changed", "interrupted")
        error = failed(verb, hearing.errors, ended.stderr)
        if error.kind == "locked":
            holder = self._workspace.holder()
            by = f" ({holder})" if holder else ""
            return InfraError(
                f"another Terraform works on this deployment{by}; wait for its end, then run the same command again",
                error.kind,
                error.details,
            )
        if error.kind == "stale":
            return InfraError("the deployment changed since this plan was made; plan again", error.kind, error.details)
        return error

    def _named(self, key: str) -> str:
        """A node's name, also of one that is no longer wished for."""
        return f"{self._name}-{key}" if self._name else key

    def _must_be_laid_out(self) -> None:
        if not self._workspace.variables.is_file():
            raise InfraError("this deployment's Terraform folder is empty; deploy lays it out", "config")


def _is_there(file: str) -> bool:
    return bool(file) and Path(file).is_file()


def _address(key: str) -> str:
    try:
        return address_of(key)
    except ValueError as error:
        raise InfraError(str(error), "config") from error


def _tell_nobody(*_told: object, **_more: object) -> None:
    """A plan has nothing to tell on the way."""
