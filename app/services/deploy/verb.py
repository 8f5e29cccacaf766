"""How every verb is carried out: under the lock, within its time, with one last word whatever came of it.

However it ends (an error, the time, Ctrl-C), the record says so before the lock is given back, and the last event says
what is billed on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from app.domain.deployment import State, Step, Told
from app.services.deploy.agreement import drop_agreement
from app.services.deploy.errors import stop, translated, trouble
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.lock import HeldError, locked
from app.services.deploy.plans import Declined
from app.services.deploy.ports import DeployError, InfraError, ProviderError
from app.services.deploy.run import Run

T = TypeVar("T")
STEP_S = {
    Step.CHECK: 300.0,
    Step.PLAN: 1800.0,
    Step.PODS: 3600.0,
    Step.REACH: 3600.0,
    Step.INSTALL: 3600.0,
    Step.GPUS: 1800.0,
    Step.SLURM: 1800.0,
    Step.JOB: 900.0,
    Step.MODEL: 5400.0,
    Step.WATCH: 120.0,
}
"""Seconds that a step may take; what it does has deadlines of its own, this one is for what nobody thought of."""


async def carried_out(run: Run, work: Callable[[Run], Awaitable[T]], *, state: State | None = State.FAILED) -> T:
    """Do a verb's work. Raises DeployError or Declined; a cancel passes on.

    `state` is what the record says after a failure; None: it is left alone.
    """
    ok = False
    limit = asyncio.timeout(run.options.timeout_s)
    try:
        async with limit:
            result = await work(run)
        ok = True
    except asyncio.CancelledError:
        run.failed(trouble("interrupted", "The run was interrupted.", name=run.name), state=state)
        raise
    except Declined:
        run.say("nothing was changed: it was not agreed to", Told.SKIPPED)
        raise
    except (DeployError, ProviderError, InfraError, OSError) as error:
        found = translated(error, run.name)
        if isinstance(error, TimeoutError) and limit.expired():
            what = f"The run took longer than {run.options.timeout_s:g} s."
            found = trouble("timeout", what, name=run.name)
        raise DeployError(run.failed(found, state=state)) from error
    else:
        return result
    finally:
        run.ended(ok=ok)


@contextlib.contextmanager
def held(folder: DeploymentFolder, name: str, verb: str, *, keeps_agreement: bool = False) -> Iterator[None]:
    """The deployment's lock. Raises DeployError where another run has it, or where it cannot be had.

    Whoever begins a run has the last word: what was agreed to in one before is not to be gone on with after it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, verb))
        except HeldError as error:
            raise stop("held", f"{error} works on {name}", name=name) from error
        except OSError as error:
            raise DeployError(translated(error, name)) from error
        if not keeps_agreement:
            drop_agreement(folder)
        yield


async def in_step(run: Run, step: Step, work: Callable[[Run], Awaitable[None]]) -> None:
    """Do one step within its time, and tell of its beginning and its end."""
    run.step = step
    began = run.clock.monotonic()
    run.say(f"{step.value} begins", Told.BEGUN, fraction=0.0)
    limit = asyncio.timeout(STEP_S[step])
    try:
        async with limit:
            await work(run)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise stop(
            "step_timeout", f"The step {step.value} took longer than {STEP_S[step]:g} s", name=run.name
        ) from error
    done = tuple(one for one in Step if one is step or one in run.deployment.done)
    run.keep(done=done)
    took_s = run.clock.monotonic() - began
    run.say(f"{step.value} is done", Told.DONE, fraction=1.0, seconds=round(took_s, 3))
    run.step = None
