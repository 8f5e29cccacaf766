"""The desk for deployments: runs go on here while pages come and go.

It belongs to the screen's program: runs are tasks of the bridge's own group, cancelled (and waited for) when the screen
ends. What does the work is handed in by the composition root.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from app.domain.deployment import DeployEvent, InfraPlan
from app.domain.job_actions import Outcome
from app.present.infra_view import RunVerb
from app.tui import infra_handing
from app.tui.dialogue import tell
from app.tui.feed import RefusedError, sentence
from app.tui.infra_looks import InfraGround, InfraLooks, Known
from app.tui.infra_runs import Run

if TYPE_CHECKING:
    from app.services.deploy.plans import Question
    from app.tui.desk import Desk
    from app.tui.infra_runs import Work

log = logging.getLogger("gpu_watchdog.screen")
PAGE = "infra"
SOON_S = 0.2
"""After an event, until it is shown: a burst of them is shown once."""
NONE_HERE = "nothing is deployed from here: open the screen with `gpu-watchdog`, not with a board or a recording"


class InfraDesk(InfraLooks):
    """Every deployment of this user, and the runs that go on in this program."""

    def __init__(self, desk: Desk, ground: InfraGround) -> None:
        super().__init__(desk, ground)
        self._is_told = False

    def may_begin(self, name: str) -> None:
        """Raises RefusedError where somebody works on the deployment now."""
        if name in self._runs:
            raise RefusedError(f"{name} is being worked on already")
        held_by = self._known.get(name, Known()).held_by
        if held_by:
            raise RefusedError(f"{name} is being worked on by {held_by}: wait for it, or stop it there")

    def begin(self, name: str, verb: RunVerb, work: Work) -> Run:
        """Begin a run, which goes on whatever page is open. Raises RefusedError."""
        self.may_begin(name)
        run = Run(name, verb, self._desk.moment.now, self._heard)
        tasks = self._tasks()
        self._runs[name] = run
        run.task = tasks.create_task(self._carry(run, work), name=f"{verb} {name}")
        self._heard()
        return run

    async def _carry(self, run: Run, work: Work) -> None:
        """One run to its end, and a note of what came of it wherever one is then."""
        from app.services.deploy.deploying import Declined  # noqa: PLC0415 - late: only who deploys needs it
        from app.services.deploy.ports import DeployError  # noqa: PLC0415 - likewise

        outcome: Outcome | None = None
        is_cancelled = False
        try:
            tell_run, confirm = partial(self._told, run), partial(self._confirm, run)
            outcome = Outcome(True, await work(await self.deploys(), tell_run, confirm))
        except Declined:
            outcome = Outcome(True, f"{run.name}: nothing was done")
        except DeployError as error:
            outcome = Outcome(False, f"{run.name}: {error.trouble.what}", (error.trouble.next,))
        except RefusedError as refusal:
            outcome = Outcome(False, str(refusal))
        except asyncio.CancelledError:
            is_cancelled = True
            outcome = Outcome(False, f"{run.name}: {run.last or 'stopped'}")
            raise
        except Exception as error:  # a mistake of ours may cost money: it is told, and written down whole
            log.warning("a run on a deployment failed", exc_info=error)
            outcome = Outcome(False, f"{run.name}: this did not go well: {sentence(error)}")
        finally:
            infra_handing.ended(self._desk.options.state_dir, run, is_cancelled=is_cancelled)
            self._runs.pop(run.name, None)
            self._just_ended.add(run.name)
            if run.was_agreed:
                self.keep_plan(run.name, None)  # however far it came, it is not what would be done now
            self.ask_anew(run.name)
            self._heard()
            if outcome is not None:
                tell(self._desk, outcome)

    async def _confirm(self, run: Run, question: Question) -> bool:
        """Keep a plan to be looked at, and put it before a person, wherever they are now."""
        if isinstance(question, InfraPlan):
            self.keep_plan(run.name, question)
        if self._desk.page_id != PAGE:
            tell(self._desk, Outcome(True, f"{run.name}: a plan waits for your word on the page infra"))
        answer = await run.confirm(question)
        if answer:
            self.agreed(run, question)
        return answer

    def agreed(self, run: Run, question: Question) -> None:
        """A person said yes: who goes on with the run when this program leaves may go as far as that."""
        infra_handing.agreed(self._desk.options.state_dir, run, question)

    def _told(self, run: Run, event: DeployEvent) -> None:
        infra_handing.heard(self._desk.options.state_dir, run, event)
        run.tell(event)

    def keep_plan(self, name: str, plan: InfraPlan | None) -> None:
        """Keep the plan that was made last, to be looked at."""
        self._known.setdefault(name, Known()).plan = plan
        self._heard()

    def stop(self, run: Run) -> None:
        """Stop a run; nobody goes on with it, even if this program is killed before it has ended."""
        infra_handing.stop_carried(self._desk.options.state_dir, run.name)
        run.stop()

    async def leave_all(self) -> None:
        """Stop every run here and wait until each has ended; where there is a daemon, it goes on with them."""
        for run in self.runs:
            run.is_left = not run.is_stopping  # one that somebody stops is not to go on elsewhere
            run.stop()
        await self.ended()

    def _heard(self) -> None:
        """Something is new; pages are told of a burst once."""
        self._times.read_at = float("-inf")
        if not self._is_told:
            self._is_told = True
            asyncio.get_running_loop().call_later(SOON_S, self._tell)

    def _tell(self) -> None:
        self._is_told = False
        self._desk.bridge.tell()


def infra_desk(desk: Desk) -> InfraDesk:
    """The desk for deployments. Raises RefusedError with why there is none."""
    if desk.bridge.infra is None:
        if desk.options.infra is None:
            raise RefusedError(NONE_HERE)
        desk.bridge.infra = InfraDesk(desk, desk.options.infra())
    return desk.bridge.infra


def may_deploy(desk: Desk) -> None:
    """Raises RefusedError where nothing may be done: by the user's own wish, or because this is the past."""
    if desk.options.read_only:
        raise RefusedError("--read-only: deployments are only looked at from here")
    if desk.bridge.replay is not None:
        raise RefusedError("this is the past; } goes back to now")
